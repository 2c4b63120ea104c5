"""What a job page shows of one job, as values that a template only has to write down. Pure: no request, no cache, no clock.

`names` knows what elements are called, `branches` turns any tree into rows, `operation`, `output`, `time_interval`,
`source` and `raw` are the parts a job is drilled into, `timeline` and `scale` its drawings, `contradictions` and `codes`
what has to be said in words, `snippets` and `links` what leads to other tools.
"""
