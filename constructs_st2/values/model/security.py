"""Settings of what a synth takes for a danger."""

from constructs_st2.values.model.base import StrictModel, key


class Security(StrictModel):
    """What a synth takes for a danger."""

    not_secret: list[str] = key(
        "Keys of these values whose texts look like secrets and are none, as the error tells them: "
        "`st2actionrunner.env.MY_TOKEN`. What matches nothing is an error.",
        [],
    )
