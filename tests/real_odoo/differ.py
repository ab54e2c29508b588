def run(tally, say, navodoo): pass
