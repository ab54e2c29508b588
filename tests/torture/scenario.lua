-- One pass over what a state can do; everything that waits has an end. Every result is
-- checked, so that a failed allocation shows as an error and nothing else.
-- The tests of torture.c run this text with one allocation after the other failing.

local cache = require "navodoo.cache"
local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local generation = require "navodoo.generation"
local http = require "navodoo.http"
local json = require "navodoo.json"
local log = require "navodoo.log"
local secret = require "navodoo.secret"
local store = require "navodoo.store"
local task = require "navodoo.task"
local text = require "navodoo.text"
local time = require "navodoo.time"
local xml = require "navodoo.xml"

local function values()
  local source = '{"no":"C-1","amount":12.50,"list":[1,2,3],"none":null,"text":"J\\u00fcrgen"}'
  local value = assert(json.decode(source))
  assert(value.amount == decimal.new("12.5"))
  assert(assert(json.canonical(value)) == assert(json.canonical(assert(json.decode(assert(json.encode(value)))))))
  assert(tostring(decimal.new("1.005"):round(2, "half_even") * 3) == "3.00")
  assert(text.fold("Jürgen") == "jurgen" and text.utf16_length("Jürgen") == 6)
  assert(#crypto.sha256(source) == 64 and crypto.unbase64(crypto.base64(source)) == source)
  assert(assert(xml.parse("<a x='1'><b>text</b></a>"))[1][1] == "text")
  assert(time.parse_iso(time.iso(1764000000000000)) == 1764000000000000)
  local found = {}
  for word in ("one two three"):gmatch "%w+" do found[#found + 1] = word:gsub("o", "0") end
  assert(table.concat(found, ",") == "0ne,tw0,three")
  cache.put("torture", "key", "value", 1000)
end

local function events()
  local private, named = task.event(), task.event "torture"
  local heard = 0
  for _ = 1, 2 do
    task.spawn(function()
      if private:wait(100) then heard = heard + 1 end
    end)
  end
  task.spawn(function()
    task.sleep(2)
    private:set()
    task.event("torture"):set()
  end)
  assert(named:wait(100))
  task.sleep(1)
  assert(heard == 2)
  assert(not private:wait(1))
end

local function locks()
  local first <close> = assert(task.lock { "a", "b" })
  local got = task.event()
  task.spawn(function()
    local second <close> = assert(task.lock { "b", "c" })
    got:set()
    task.sleep(1)
    return second
  end)
  task.sleep(1)
  assert(not got:wait(1))
  first:release()
  assert(got:wait(100))
end

local function stores()
  local now = time.now()
  assert(store.apply {
    { "job_put", "f", "d", "C-1", now, now, "v1", "h1", '{"No":"C-1"}' },
    { "meta_put", "torture", "was here" },
    { "journal_add", now, "f", "d", "C-1", 1, "written", "detail" },
  })
  local rows = assert(store.query("jobs_due", "f", "d", now, "[]", 10))
  assert(#rows == 1 and rows[1].record == "C-1")
  assert(assert(store.query("meta", "torture"))[1].value == "was here")
  local ok, err = store.apply { { "job_done", 99, 1, expect = 1 } }
  assert(not ok and (err.code == "count" or error(err)))
  assert(store.apply { { "job_done", rows[1].id, rows[1].rev, expect = 1 } })
  assert(store.apply {
    { "journal_prune", now + 1, 10, expect = 1 }, { "deliveries_prune", 1, 10 }, { "store_shrink" } })
  assert(assert(store.query "store_size")[1].pages > 0)
  ok, err = store.backup("torture-no-such-folder", "torture-no-such-file", now)
  assert(not ok and (err.code == "notfound" or error(err)))
  ok, err = store.restore("torture-no-such-file", "torture-no-such-folder", "aside")
  assert(not ok and (err.code == "notfound" or error(err)))
end

local function calls()
  local token = tostring(assert(secret.define("PASSWORD", "sesame")))
  assert(http.endpoint { name = "erp", base_url = "http://erp.invalid", auth = "basic", user = "u", secret = token })
  local answer = assert(http.request { endpoint = "erp", method = "POST", path = "/x",
    headers = { ["Content-Type"] = "application/json", ["X-Token"] = token }, body = '{"p":"' .. token .. '"}' })
  assert(answer.status == 200 and answer.headers["x-from"] == "wire" and #answer.body > 0)
  assert(http.info("erp").calls >= 1)
end

local function guards()
  local ok, err = task.guard(nil, error, "on purpose")
  assert(not ok and err.text == "on purpose")
  ok, err = task.guard(20000, function() while true do pcall(string.rep, "x", 10) end end)
  assert(not ok and err.code == "budget")
  assert(select(2, task.guard(nil, function(a, b) return a + b end, 1, 2)) == 3)
end

local function generations()
  local signal = task.event "ended:child"
  local gen = assert(generation.open { name = "child", main = "child", argument = "end", memory = 1 << 20 })
  assert(signal:wait(100))
  local ended, why = gen:ended()
  assert(ended and not why, why)
  gen:close()
  local waiting = assert(generation.open { name = "child", main = "child", argument = "wait" })
  task.sleep(1)
  waiting:close()
  assert(task.lock { "child" }):release()
end

values()
events()
locks()
stores()
calls()
guards()
generations()
task.spawn(error, { text = "a task that raises" })
task.sleep(1)
log.info("the end", { of = "the scenario" })
return "ok"
