"""Hostile input at scale, each case from a seed: `./dev fuzz`. The ordinary suite runs 300 of each in `test_fuzz.py`.

wire       sends bytes as they are and reads one answer
addresses  makes requests that no browser would send, and some that it would
judging    says what is wrong with the answer to one of them
truth      reads upstream's bytes by the standard library alone: what rows may be shown
firing     runs many cases at once and gathers what went wrong
answers    makes answers that Cloud Infinite would never send
reading    gives such an answer to the client, or to the whole product, and says what went wrong
stack      the product under fire: its people, buckets and processes, and the search for canaries
"""
