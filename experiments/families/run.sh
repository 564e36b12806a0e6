#!/bin/sh
# Every number of README.md beside this file; FUNSD=… and XFUND=… name the downloads.
set -eu
docexp data prepare data=funsd "source=$FUNSD" out=shards/funsd
docexp data prepare data=xfund "source=$XFUND" out=shards/xfund_de 'data.reader.languages=[de]' \
  data.reader.missing_images=none  # none of the runs below sees them
steps="trainer.max_steps=200 trainer.global_batch=8 trainer.validate_every=0 trainer.checkpoint_every=200 optim.lr=1e-3"
images="layoutlmv2_tiny,layoutxlm_tiny,layoutlmv3_tiny"
docexp train -m experiment=finetune/funsd $steps "model=layoutlm_tiny,$images" seed=0,1,2
docexp train -m experiment=finetune/xfund data.shards=shards/xfund_de $steps model=layoutlm_tiny seed=0,1,2
docexp train -m experiment=finetune/xfund data.shards=shards/xfund_de $steps "model=$images" model.image=none seed=0,1,2
docexp compare experiment=finetune/funsd
docexp compare experiment=finetune/xfund
