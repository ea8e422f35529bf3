"""The configuration of StackStorm: st2.conf and the ConfigMaps that services share."""
