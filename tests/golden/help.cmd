seine help
seine --help | cmp - <(seine help)
seine --version
seine help ingest
seine ingest --help | cmp - <(seine help ingest)
seine help help
