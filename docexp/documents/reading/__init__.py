"""What readers share: files and names of a download, boxes, pictures, words of OCR, forms, questions, exclude lists."""
