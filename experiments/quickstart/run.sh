#!/bin/sh
# Three arms × three seeds on synthetic forms: does the model use words, places and pixels? See README.md beside this.
set -eu
docexp data prepare data=synthetic_forms --again
docexp train -m experiment=quickstart/text,quickstart/layout,quickstart/image seed=0,1,2 hydra.launcher.parallel=2
docexp compare experiment=quickstart/text experiment=quickstart/layout experiment=quickstart/image
echo "next:   docexp data prepare data=funsd source=DIR out=shards/funsd"
