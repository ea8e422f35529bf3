"""Write the manifests of a StackStorm cluster. `cdk8s synth` runs this program; so can you."""

from constructs_st2.cli import run, synth

if __name__ == "__main__":
    run(synth)
