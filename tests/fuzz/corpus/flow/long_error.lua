error(("x"):rep(100000))
