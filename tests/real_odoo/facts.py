def run(tally, say): pass
