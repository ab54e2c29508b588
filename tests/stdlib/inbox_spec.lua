--- The door for webhooks: what is kept, what is known again, what is turned away.

local door = require "navodoo.engine.door"
local fs = require "navodoo.fs"
local http = require "navodoo.http"
local inbox = require "navodoo.engine.inbox"
local json = require "navodoo.json"
local listener = require "cli.listener"
local secret = require "navodoo.secret"
local store = require "navodoo.store"
local task = require "navodoo.task"

local folder = os.tmpname()
os.remove(folder)

local function with_store(fn)
  assert(fs.make(folder))
  assert(store.open(folder))
  local ok, err = xpcall(fn, debug.traceback)
  store.close()
  for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  if not ok then error(err, 0) end
end

local MASTER <const> = "a master secret that nobody may see"
-- HMAC-SHA256 of "partner" under MASTER, the first 16 bytes
local SECRET <const> = "ff66de08ef39af5ea476a330b20eb3f9"
local ODOO <const> = { name = "odoo", hook_secret = { kind = "secret", name = "SPEC_HOOK", default = MASTER } }

local function flow(name, model, hook)
  return { name = name, compiled = { odoo = { model = model, watch = { every_ms = 1000, hook = hook } } } }
end

local FLOWS <const> = { flow("customer", "res.partner", "partner"), flow("vendor", "res.partner", "partner"),
                        flow("item", "product.template", "product"), flow("term", "account.payment.term") }

local function opened(limits)
  local box = inbox.new(limits)
  assert(listener.set_hooks(box, FLOWS, ODOO))
  return box
end

local function event(id, more)
  local e = { _action = "navodoo partner(#479)", _id = id, _model = "res.partner", id = id, name = "Acme" }
  for k, v in pairs(more or {}) do e[k] = v end
  return assert(json.encode(e))
end

local function post(box, body, path, headers)
  return box:handle { method = "POST", path = path or "/hooks/partner/" .. SECRET, headers = headers or {},
                      body = body }
end

local function jobs(name)
  local list = {}
  for i, j in ipairs(assert(store.query("jobs_list", name))) do
    list[i] = ("%s %s %s r%d"):format(j.direction, j.record, j.state, j.rev)
  end
  return table.concat(list, "; ")
end

describe("the inbox", function()
  it("takes nothing while the disk is nearly full, and says when to come back", function()
    with_store(function()
      local box = opened()
      door.close "no room, says the spec"
      local answer = post(box, event(42))
      door.open()
      expect({ answer.status, answer.headers["Retry-After"], jobs "customer" }):equals({ 503, "60", "" })
      expect(post(box, event(42)).status):equals(200)
    end)
  end)
  it("makes a job in every flow of the hook that is about the model", function()
    with_store(function()
      local box = opened()
      expect(post(box, event(42)).status):equals(200)
      expect(jobs "customer"):equals("odoo_to_nav 42 ready r1")
      expect(jobs "vendor"):equals("odoo_to_nav 42 ready r1")
      expect(jobs "item"):equals("")
      local job = assert(store.query("job", 1))[1]
      expect(job.payload):is_nil()
      expect(job.hash):is_nil()
    end)
  end)

  it("makes one job of many events of a record, in any order", function()
    with_store(function()
      local box = opened()
      for _, id in ipairs { 7, 8, 7, 7, 8 } do expect(post(box, event(id)).status):equals(200) end
      expect(jobs "customer"):equals("odoo_to_nav 7 ready r3; odoo_to_nav 8 ready r2")
    end)
  end)

  it("looks at a deletion only when Odoo has committed it", function()
    with_store(function()
      local box = opened()
      post(box, event(7))
      post(box, event(8, { _action = "navodoo partner deleted(#480)" }))
      local due = {}
      for _, j in ipairs(assert(store.query("jobs_list", "customer"))) do due[j.record] = j.due end
      expect(due["8"] - due["7"] >= 5000000 and due["8"] - due["7"] < 6000000):is_true()
    end)
  end)

  it("knows a delivery again that names itself, also after its job is done", function()
    with_store(function()
      local box = opened()
      local headers = { ["webhook-id"] = "msg_1" }
      expect(post(box, event(7), nil, headers).status):equals(200)
      for _, id in ipairs { 1, 2 } do store.apply { { "job_done", id, 1 } } end
      expect(post(box, event(7), nil, headers).status):equals(200)
      expect(jobs "customer"):equals("")
      expect(post(box, event(7), nil, { ["idempotency-key"] = "msg_2" }).status):equals(200)
      expect(jobs "customer"):equals("odoo_to_nav 7 ready r1")
    end)
  end)

  it("does not tell a wrong secret from a hook that there is not", function()
    with_store(function()
      local box = opened()
      local seen = {}
      for _, path in ipairs {
        "/hooks/partner/" .. SECRET:gsub("^.", function(c) return c == "0" and "1" or "0" end),
        "/hooks/product/" .. SECRET, "/hooks/nobody/" .. SECRET, "/hooks/partner/", "/hooks/partner", "/hooks/",
        "/hooks/partner/" .. SECRET .. "/", "/hooks/partner/" .. SECRET .. "?x=1", "/hooks/partner/" .. MASTER,
        "/hooks/partner/\0" .. SECRET, "/hooks//" .. SECRET } do
        local answer = post(box, event(42), path)
        expect(answer.status):equals(404)
        seen[answer.body] = true
      end
      expect(next(seen)):equals("not found\n")
      expect(next(seen, "not found\n")):is_nil()
      expect(box:handle({ method = "GET", path = "/hooks/partner/x", headers = {}, body = "" }).status):equals(404)
      expect(jobs "customer"):equals("")
      expect(box.counters.unknown):equals(12)
    end)
  end)

  it("refuses what is no event, and keeps nothing of it", function()
    with_store(function()
      local box = opened()
      for _, body in ipairs { "", "null", "[]", "7", "{}", '{"_model":"res.partner"}', '{"_id":7}', event(0),
                              event(-1), event(2147483648), '{"_id":7.0,"_model":"res.partner"}',
                              '{"_id":"7","_model":"res.partner"}',
                              '{"_id":true,"_model":"res.partner"}', '{"_id":7,"_model":["res.partner"]}',
                              event(7, { _model = "res.users" }), event(7):sub(1, -2), ("["):rep(30000) } do
        expect(post(box, body).status):equals(400)
      end
      expect(jobs()):equals("")
      local got = box:handle { method = "GET", path = "/hooks/partner/" .. SECRET, headers = {}, body = "" }
      expect(got.status):equals(405)
    end)
  end)

  it("tells the sender to come back when too much waits on disk, and goes on when there is room", function()
    with_store(function()
      local box = opened { high_water = 3 }
      for id = 1, 3 do expect(post(box, event(id)).status):equals(200) end
      local answer = post(box, event(4))
      expect(answer.status):equals(429)
      expect(answer.headers["Retry-After"]):equals("30")
      expect(jobs "customer"):matches("^odoo_to_nav 1 ready r1; .* 3 ready r1$")
      for id = 1, 6 do store.apply { { "job_drop", id } } end
      task.sleep(1100)
      expect(post(box, event(5)).status):equals(200)
    end)
  end)

  it("takes in only so many at once", function()
    with_store(function()
      local box = opened { in_flight = 4 }
      local seen, open, done = {}, 20, task.event()
      for id = 1, open do
        task.spawn(function()
          local answer = post(box, event(id))
          seen[answer.status] = (seen[answer.status] or 0) + 1
          if answer.status == 429 then expect(answer.headers["Retry-After"]):equals("1") end
          open = open - 1
          done:set()
        end)
      end
      while open > 0 do done:wait(1000) end
      expect(seen):equals { [200] = 4, [429] = 16 }
      expect(box.in_flight):equals(0)
      expect(box.bytes):equals(0)
    end)
  end)

  it("answers 503 without a store, and nothing breaks", function()
    local box = opened()
    local answer = post(box, event(1))
    expect(answer.status):equals(503)
    expect(answer.headers["Retry-After"]):equals("60")
    expect(box.in_flight):equals(0)
  end)
end)

describe("the listener", function()
  local function with_listener(fn)
    with_store(function()
      local box = opened()
      local server = assert(listener.open("127.0.0.1", 0, box))
      http.endpoint { name = "door", base_url = "http://127.0.0.1:" .. server.port }
      local ok, err = xpcall(fn, debug.traceback, { box = box, server = server, port = server.port })
      server:close()
      if not ok then error(err, 0) end
    end)
  end
  local function send(path, body, headers)
    return http.request { endpoint = "door", method = "POST", path = path, body = body, headers = headers }
  end

  it("hands hooks to the inbox and nothing else", function()
    with_listener(function()
      expect(assert(send("/hooks/partner/" .. SECRET, event(42))).status):equals(200)
      expect(jobs "customer"):equals("odoo_to_nav 42 ready r1")
      expect(assert(send("/healthz", "")).status):equals(404)
      expect(assert(send("/jobs", "{}")).status):equals(404)
    end)
  end)

  it("bounds bodies and headers", function()
    with_listener(function(open)
      local big = send("/hooks/partner/" .. SECRET, event(1, { name = ("x"):rep(inbox.MAX_BODY) }))
      expect(big == nil or big.status == 413):is_true() -- it may be cut while it still sends
      local answer = send("/hooks/partner/" .. SECRET, event(1), { ["X-Long"] = ("x"):rep(20000) })
      expect(answer == nil or answer.status == 431 or answer.status == 413):is_true()
      expect(open.box.counters.stored):equals(0)
    end)
  end)

  it("has hooks only with a secret", function()
    local box = inbox.new()
    local ok, why = listener.set_hooks(box, FLOWS, { name = "odoo" })
    expect(ok):is_nil()
    expect(why):matches("hook_secret = secret")
    ok, why = listener.set_hooks(box, FLOWS, { name = "odoo", hook_secret = { name = "SPEC_NOT_SET" } })
    expect(ok):is_nil()
    expect(why):matches("NAVODOO_SPEC_NOT_SET")
    expect(next(box.hooks)):is_nil()
    expect(tostring(assert(secret.get("SPEC_HOOK"))):find(MASTER, 1, true)):is_nil()
  end)
end)
