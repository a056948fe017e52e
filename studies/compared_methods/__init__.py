"""One concept through six methods: what each tells, how stable it is, and what it costs."""
