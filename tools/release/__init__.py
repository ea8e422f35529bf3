"""Makes a release: version, section of the changelog, commit, tag, wheel and source distribution."""
