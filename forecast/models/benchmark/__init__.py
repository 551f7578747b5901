"""Benchmark scores of public models: a four-parameter item response model with covariates of ability.

The usual names of item response theory, and ours:

================================  ===========================================================
person, item, response            release, benchmark, score
ability                           ``capability``, in log-odds of a benchmark of average slope
discrimination (a)                ``slope``
difficulty (b)                    ``centre + middle - easiness / slope``; we sample ``easiness``
guessing, lower asymptote (c)     ``floor``
upper asymptote (d)               ``1 - mistakes``
testlet or method effect          ``protocol``
latent regression                 ability on compute (known or by cost or size), date, reasoning,
                                  openness and organisation
================================  ===========================================================

Four-parameter logistic model (4PL IRT): discrimination and guessing as in Birnbaum (1968), in Lord and
Novick, *Statistical Theories of Mental Test Scores*; upper asymptote as in Barton and Lord (1981), *An
upper asymptote for the three-parameter logistic item-response model*. A response here is a share of
right answers with normal noise, not one answer.

Files, each of which imports only from those before it: ``panel`` (what is known), ``layout`` (rows and
covariates), ``spending`` (compute, price, reported costs), ``abilities`` (curve, quadrature, density),
``model`` (priors, build, completion, new data), ``frontier`` (gains, lags, growth) and ``draws`` (the
series). All but the first open with their equations.
"""
