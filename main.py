"""Write the manifests of a StackStorm cluster. `cdk8s synth` runs this program; so can you."""

from __future__ import annotations

import constructs_st2 as st2


@st2.program
def main(arguments: st2.Arguments) -> st2.StackStorm:
    """Write the manifests of a StackStorm cluster."""
    app = st2.App(outdir=arguments.output, accept=arguments.accept)
    cluster = st2.StackStorm(
        app,
        "Default",
        values=st2.load_values(arguments.files, arguments.sets),
        release=arguments.release,
        namespace=arguments.namespace,
        strict=arguments.strict,
    )
    app.synth()
    return cluster


if __name__ == "__main__":
    main()
