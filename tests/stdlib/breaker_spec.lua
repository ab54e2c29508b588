-- Behind an open breaker: what finds out that a system is back, and what many callers do meanwhile.

local http = require "navodoo.http"
local task = require "navodoo.task"
local call = require "connector.call"
local connector = require "connector"
local gate = require "connector.gate"

call.TRIES = 1 -- each answer of a test is for one call

local NAME <const> = "breaker of a spec"
local CALLERS <const> = 50

local function read(res)
  if res.status == 200 then return true end
  return nil, { class = "transient", code = "http_" .. res.status, text = "busy", down = res.status == 503 }
end

-- A server that is down while `down` says so, and counts reads and writes, and the most at a time.
local function open()
  local side = { reads = 0, writes = 0, now = 0, most = 0, down = true }
  side.server = assert(http.serve { handler = function(request)
    local kind = request.method == "GET" and "reads" or "writes"
    side[kind], side.now = side[kind] + 1, side.now + 1
    side.most = math.max(side.most, side.now)
    task.sleep(50)
    side.now = side.now - 1
    return { status = side.down and 503 or 200, body = "" }
  end })
  local endpoint = { name = NAME }
  assert(http.endpoint { name = NAME, base_url = "http://127.0.0.1:" .. side.server.port, max_connections = 8 })
  function endpoint.knock() call.exchange(endpoint, { what = "a question", path = "/" }, read) end
  gate.accepted(endpoint, gate.mark(endpoint))
  function side.write()
    return call.exchange(endpoint, { what = "a record", method = "POST", path = "/", body = "x", write = true }, read)
  end
  return side
end

-- All at once; answers how many went well, and the code of a failure.
local function all_write(side)
  local good, code, running, done = 0, nil, CALLERS, task.event()
  for _ = 1, CALLERS do
    task.spawn(function()
      local ok, err = side.write()
      if ok then good = good + 1 else code = err.code end
      running = running - 1
      if running == 0 then done:set() end
    end)
  end
  done:wait()
  return good, code
end

local function wait_half_open()
  while http.info(NAME).breaker == "open" do task.sleep(20) end
end

describe("a breaker that is half open", function()
  it("lets one small question through for all who want to write", function()
    local side = open()
    for _ = 1, 5 do side.write() end
    expect(http.info(NAME).breaker):equals "open"
    expect(side.writes):equals(5)

    wait_half_open()
    local good, code = all_write(side) -- still down
    expect(good .. " " .. code):equals "0 breaker_open"
    expect(side.reads .. " " .. side.writes):equals "1 5"

    wait_half_open()
    side.down, side.most = false, 0
    good = all_write(side)
    expect(good):equals(CALLERS)
    expect(side.reads .. " " .. side.writes):equals("2 " .. 5 + CALLERS)
    expect(http.info(NAME).breaker):equals "closed"
    side.server:close()
  end)

  it("is not asked by a call that tries an unproven secret, and so holds all others up", function()
    local side = open()
    for _ = 1, 5 do side.write() end
    gate.doubt({ name = NAME }, gate.mark { name = NAME })
    wait_half_open()
    local _, err = side.write()
    expect(err.code):equals "breaker_open"
    expect(side.reads):equals(0)
    side.server:close()
  end)

  it("is found out by a question that each connector has, and that changes nothing", function()
    for _, e in ipairs { { kind = "nav", company = "CRONUS" }, { kind = "odoo", api = "jsonrpc", database = "d" } } do
      e.name, e.user, e.secret = "knock " .. e.kind, "u", "s"
      local asked = {}
      local request = call.request
      call.request = function(r)
        asked[#asked + 1] = r
        return { status = 200, headers = {}, body = '{"jsonrpc":"2.0","id":1,"result":{},"value":[]}' }
      end
      local connection = connector.open(e)
      call.report = function() end
      connection.endpoint.knock()
      call.request, call.report = request, http.report
      expect(#asked):equals(1)
      expect(asked[1].writes or false):is_false()
    end
  end)
end)
