--- navodoo.http, navodoo.secret, navodoo.cache: what scripts see of them.

local cache = require "navodoo.cache"
local http = require "navodoo.http"
local secret = require "navodoo.secret"
local task = require "navodoo.task"

local seen -- the last request that a handler got

local function handler(request)
  seen = request
  local path = request.path
  if path == "/raise" then error("boom") end
  if path == "/nothing" then return nil end
  if path == "/status" then return { status = 99 } end
  if path == "/cut" then return { cut = true } end
  if path == "/slow" then task.sleep(200) end
  if path == "/login" then
    return { status = 200, headers = { ["Set-Cookie"] = "session_id=c00kie-value; Path=/" },
             body = '{"access_token":"t0ken-value","expires_in":3600,"echo":"t0ken-value"}' }
  end
  if path == "/busy" then return { status = 503, headers = { ["Retry-After"] = 7 } } end
  return { status = 201, headers = { ["X-Path"] = path }, body = request.body }
end

--- Runs `fn(request)` against a server of its own.
local function with_server(fn, options)
  local server = assert(http.serve { handler = handler, max_body = 1000 })
  local e = options or {}
  e.name, e.base_url = "spec", "http://127.0.0.1:" .. server.port
  assert(http.endpoint(e))
  fn(function(r)
    r.endpoint = "spec"
    return http.request(r)
  end)
  server:close()
  expect(server.port):is_nil()
end

describe("http.request and http.serve", function()
  it("carry method, path, headers and body both ways", function()
    with_server(function(request)
      local res = assert(request { method = "POST", path = "/a?b=%20", body = "x\0y",
                                   headers = { ["X-One"] = "1", ["X-Number"] = 5 } })
      expect(res.status):equals(201)
      expect(res.body):equals("x\0y")
      expect(res.headers["x-path"]):equals("/a?b=%20")
      expect(math.type(res.ms)):equals("integer")
      expect(seen.method):equals("POST")
      expect(seen.path):equals("/a?b=%20")
      expect(seen.headers["x-one"]):equals("1")
      expect(seen.headers["x-number"]):equals("5")
    end)
  end)

  it("answer 500 for a handler that raises or returns no response", function()
    with_server(function(request)
      for _, path in ipairs { "/raise", "/nothing", "/status" } do
        local res = assert(request { path = path })
        expect(res.status):equals(500)
        expect(res.body):equals("internal error\n")
      end
    end)
  end)

  it("tell a broken connection from one that was never made", function()
    with_server(function(request)
      local res, err = request { method = "POST", path = "/cut" }
      expect(res):is_nil()
      expect(err.code):equals("network")
      expect(err.maybe_sent):is_true()
    end)
    local res, err = http.request { endpoint = "spec" } -- its server is gone
    expect(res):is_nil()
    expect(err.code):equals("network")
    expect(err.maybe_sent):is_false()
    expect(tostring(err)):matches("^spec %(127%.0%.0%.1:%d+%): Connection refused$")
  end)

  it("end at the deadline, and run side by side", function()
    with_server(function(request)
      local res, err = request { path = "/slow", timeout_ms = 50 }
      expect(res):is_nil()
      expect(err.code):equals("timeout")
      local left, done = 2, task.event()
      for _ = 1, 2 do
        task.spawn(function()
          assert(request { path = "/slow" })
          left = left - 1
          if left == 0 then done:set() end
        end)
      end
      expect(done:wait(1000)):is_true()
    end)
  end)

  it("refuse bodies that are too large on either side", function()
    with_server(function(request)
      expect(assert(request { method = "POST", body = ("x"):rep(1001) }).status):equals(413)
      local res, err = request { method = "POST", body = ("x"):rep(100), max_body = 99 }
      expect(res):is_nil()
      expect(err.code):equals("too_large")
    end)
  end)

  it("raise for misuse and fail for what the world does", function()
    with_server(function(request)
      expect.raises(function() request { path = "/", headers = { "x" } } end, "a name must be text")
      expect.raises(function() request { path = "/", headers = { a = {} } } end, "text expected")
      expect.raises(function() request { path = "/", headers = { a = "x\0" } } end, "zero byte")
      expect.raises(function() request { path = 5 } end, "string expected")
      expect.raises(function() http.request {} end, "'endpoint' is missing")
      expect.raises(function() http.report("nobody", "ok") end, "no endpoint is named")
      expect.raises(function() http.serve {} end, "'handler'")
      expect(select(2, request { path = "no slash" }).code):equals("invalid")
      expect(select(2, http.request { endpoint = "nobody" }).code):equals("notfound")
      expect(select(2, http.endpoint { name = "x", base_url = "ftp://x" }).code):equals("invalid")
      expect(select(2, http.serve { address = "no.address", handler = print }).code):equals("invalid")
    end)
  end)
end)

describe("the breaker of an endpoint", function()
  it("opens by report, says how long, and is seen by http.info", function()
    with_server(function(request)
      local res = assert(request { path = "/busy" })
      expect(res.retry_after_ms):equals(7000)
      http.report("spec", "fail", res.retry_after_ms)
      local _, err = request { path = "/" }
      expect(err.code):equals("breaker_open")
      expect(err.maybe_sent):is_false()
      expect(err.retry_after_ms > 6000 and err.retry_after_ms <= 7000):is_true()
      local info = http.info("spec")
      expect(info.breaker):equals("open")
      expect(info.in_flight):equals(0)
      expect(info.base_url):matches("^http://127")
      expect(http.info("nobody")):is_nil()
    end)
  end)
end)

describe("navodoo.secret", function()
  it("puts values in place of tokens when a request is sent", function()
    local handle = assert(secret.define("spec-pw", 'p"w'))
    local token = tostring(handle)
    expect(token):matches("^nvsec:%x+:$")
    expect(tostring(assert(secret.get("spec-pw")))):equals(token)
    with_server(function(request)
      local res = assert(request { method = "POST", path = "/", body = ('{"p":"%s"}'):format(token),
        headers = { ["Content-Type"] = "application/json", ["X-Key"] = token } })
      expect(res.body):equals([[{"p":"p\"w"}]])
      expect(seen.headers["x-key"]):equals('p"w')
      expect(seen.headers.authorization):equals("Basic dTpwInc=")
    end, { auth = "basic", user = "u", secret = token })
  end)

  it("takes what a server hands out before the script can see it", function()
    with_server(function(request)
      local version = secret.version("spec.token")
      local res = assert(request { path = "/login", capture = { secret = "spec.token", json = "access_token" } })
      expect(res.captured):matches("^nvsec:%x+:$")
      expect(res.body):equals('{"access_token":"***","expires_in":3600,"echo":"***"}')
      expect(res.headers["set-cookie"]):matches("^session_id=")
      expect(secret.version("spec.token")):equals(version + 1)
      assert(request { path = "/", headers = { Authorization = "Bearer " .. res.captured } })
      expect(seen.headers.authorization):equals("Bearer t0ken-value")
      res = assert(request { path = "/login", capture = { secret = "spec.cookie", cookie = "session_id" } })
      expect(res.headers["set-cookie"]):is_nil()
      expect(res.body):matches("access_token")
      assert(request { path = "/", headers = { Cookie = "session_id=" .. res.captured } })
      expect(seen.headers.cookie):equals("session_id=c00kie-value")
      res = assert(request { path = "/", capture = { secret = "spec.none", json = "access_token" } })
      expect(res.captured):is_nil()
      expect(res.headers["x-path"]):equals("/")
      expect(pcall(request, { path = "/", capture = { secret = "x" } })):is_false()
    end)
  end)

  it("tells connections apart by where they come from", function()
    with_server(function(request)
      assert(request { path = "/" })
      local first = seen.peer
      expect(first):matches("^127%.0%.0%.1:%d+$")
      assert(request { path = "/" })
      expect(seen.peer):equals(first)
    end)
  end)

  it("percent-encodes a value in a form", function()
    local token = tostring(assert(secret.define("spec-pw", "a&b=c")))
    with_server(function(request)
      local res = assert(request { method = "POST", path = "/", body = "client_secret=" .. token,
        headers = { ["Content-Type"] = "application/x-www-form-urlencoded" } })
      expect(res.body):equals("client_secret=a%26b%3Dc")
    end)
  end)

  it("makes secrets from secrets, and compares them", function()
    local master = assert(secret.define("spec-hook", "master value"))
    local hook = assert(secret.derive(master, "partner"))
    expect(tostring(hook) ~= tostring(master)):is_true()
    expect(secret.matches(hook, "b51de91f321c46ec5a1c598141bcbf37")):is_true()
    expect(secret.matches(hook, "master value")):is_false()
    expect(secret.matches(master, "master value")):is_true()
    expect(select(2, secret.derive(master, "a/b")).code):equals("invalid")
    expect.raises(function() secret.matches("text", "text") end, "navodoo.secret expected")
  end)

  it("gives no way to the value", function()
    local handle = assert(secret.define("spec-pw", "value"))
    expect(getmetatable(handle)):is_false()
    expect(pcall(function() return handle.value end)):is_false()
    local none, err = secret.get("spec-no-such-secret")
    expect(none):is_nil()
    expect(err.code):equals("notfound")
  end)
end)

describe("navodoo.cache", function()
  it("keeps, replaces and forgets", function()
    expect(cache.put("spec", "a", "1", 1000)):is_true()
    cache.put("spec", "b", "x\0y", 1000)
    expect(cache.get("spec", "a")):equals("1")
    expect(cache.get("spec", "b")):equals("x\0y")
    expect(cache.get("other", "a")):is_nil()
    cache.drop("spec", "a")
    expect(cache.get("spec", "a")):is_nil()
    cache.drop("spec")
    expect(cache.get("spec", "b")):is_nil()
  end)

  it("forgets when the time is over", function()
    cache.put("spec", "short", "v", 20)
    task.sleep(30)
    expect(cache.get("spec", "short")):is_nil()
  end)
end)
