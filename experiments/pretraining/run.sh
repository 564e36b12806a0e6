#!/bin/sh
# Every number of README.md beside this file, from the root of a clone with docexp installed.
set -e
here="--project experiments/pretraining/project"
docexp data prepare data=synthetic_forms data.reader.train=1000 out=shards/pretraining

# 1. Fine-tuned from each of five pretraining seeds, and from scratch.
docexp train -m $here experiment=checks/pretrain 'objective=[mlm]' seed=0,1,2,3,4
docexp train -m $here experiment=checks/finetune seed=0,1,2,3,4
for seed in 0 1 2 3 4; do
  docexp train $here experiment=checks/finetune label=pretrained seed=$seed \
    "model.weights=run:experiment=checks/pretrain,seed=$seed"
done
docexp compare experiment=checks/finetune "baseline=from scratch"

# 2. Objectives against their own chance level, and controls.
docexp train -m $here experiment=checks/pretrain trainer.max_steps=250 \
  'objective=[mlm,mim,wpa],[mlm,mim,wpa_permuted],[mlm,mim,wpa_shuffled]' seed=0,1,2

# 3. The same words with and without their places.
docexp train -m $here experiment=checks/pretrain 'objective=[mlm]' model.image=none model.layout=true,false seed=0,1,2

# 4. TIA where the image is fine enough to see which line is covered.
docexp train -m experiment=pretrain/layoutlmv2_tiny 'objective=[tia]' data=synthetic_forms data.shards=shards/pretraining \
  data.workers=0 model.image_size=224 model.grid_size=14 trainer.max_steps=250 trainer.global_batch=8 seed=0,1,2

# 5. TIA and TIM together, from TIA alone, and TIM whose labels say nothing of the image.
docexp data prepare data=synthetic_forms data.reader.train=1000 data.reader.empty=0.5 out=shards/sparse
docexp train -m $here experiment=checks/tia seed=0,1,2
for seed in 0 1 2; do
  from="model.weights=run:experiment=checks/tia,seed=$seed"
  docexp train $here experiment=checks/tim seed=$seed $from
  for tim in tim tim_others; do
    docexp train $here experiment=checks/tim seed=$seed $from "objective=[tia,$tim]" \
      objective.$tim.replaced=0.4 objective.$tim.dropped=0 trainer.max_steps=1000
  done
done

# 6. MDC: the kind of a form, and the fields of a statement as its tags.
docexp train -m experiment=pretrain/layoutlm_tiny data=synthetic_forms data.shards=shards/sparse data.workers=0 \
  'objective=[mvlm,mdc]' 'objective.mdc.classes=[application,claim,order,registration]' seed=0,1,2
docexp data prepare data=synthetic_questions data.reader.train=1000 out=shards/statements
python experiments/pretraining/project/tags_of_fields.py shards/statements shards/fields.jsonl
docexp data prepare data=synthetic_questions data.reader.train=1000 data.reader.document_tags=shards/fields.jsonl \
  out=shards/tagged
docexp train -m experiment=pretrain/layoutlm_tiny data=synthetic_questions data.shards=shards/tagged data.workers=0 \
  'objective=[mvlm,mdc]' objective.mdc.of=tags \
  'objective.mdc.classes=[account,city,contact,customer,due,issued,net,number,order,phone,tax,total]' seed=0,1,2
