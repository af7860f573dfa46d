"""The highest rate that still passes."""


def highest_passing(passes, start, precision=1.05, ceiling=2e6):
    """Doubles from `start` while `passes(rate)`, or halves until it does, then bisects until the gap is under `precision`; 0 where
    nothing passes. A rate gets a second chance: other work on the machine must not decide."""
    def works(rate):
        return passes(rate) or passes(rate)
    low = high = start
    if works(start):
        while high < ceiling:
            high = low * 2
            if not works(high):
                break
            low = high
    else:
        while not works(low):
            high, low = low, low / 2
            if low < 1:
                return 0
    while high / low > precision:
        middle = (low * high) ** 0.5
        if works(middle):
            low = middle
        else:
            high = middle
    return low
