--- navodoo.records: lists read from a text or from the body of an answer, and what is made of them.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local http = require "navodoo.http"
local json = require "navodoo.json"
local records = require "navodoo.records"

local PAGE <const> = '{"value":[{"No":"C1","Amount":1.50,"e":"x"},{"Amount":2,"No":"C\\u00e4"}],"next":"n"}'

local function plan()
  return records.plan { columns = { { "No", "any" }, { "Amount", "decimal" }, { "e", "any", aside = true } },
                        list = "value", beside = "next" }
end

--- What `body` gives when it comes as the body of an answer.
local function answered(body, status)
  local server = assert(http.serve { handler = function() return { status = status or 200, body = body } end })
  assert(http.endpoint { name = "records", base_url = "http://127.0.0.1:" .. server.port })
  local res = assert(http.request { endpoint = "records", path = "/", handle = true })
  server:close()
  return res.body
end

describe("navodoo.records", function()
  it("reads typed records and their canonical texts", function()
    local list <close> = assert(plan():read(PAGE))
    expect(#list):equals(2)
    expect(list:record(1)):equals { No = "C1", Amount = decimal.new "1.5" }
    expect(list:text(2)):equals '{"Amount":2,"No":"Cä"}'
    expect(list:column "e"):equals { "x", false }
    expect(list:beside()):equals '"n"'
  end)

  it("hashes the texts as crypto.hash does", function()
    local list <close> = assert(plan():read(PAGE))
    expect(list:hashes()):equals { crypto.hash(list:text(1)), crypto.hash(list:text(2)) }
  end)

  it("pairs records of two lists, in the order asked", function()
    local a <close> = assert(plan():read(PAGE))
    local b <close> = assert(records.plan({ columns = { { "id", "any" } } }):read '[{"id":7},{"id":8}]')
    expect(a:pairs({ 2, 1 }, "nav", b, { 1, 2 }, "odoo")):equals {
      '{"nav":{"Amount":2,"No":"Cä"},"odoo":{"id":7}}', '{"nav":{"Amount":1.5,"No":"C1"},"odoo":{"id":8}}' }
    expect(pcall(a.pairs, a, { 3 }, "nav", b, { 1 }, "odoo")):is_false()
  end)

  it("names the fields whose value another one is", function()
    local list <close> = assert(plan():read(PAGE))
    expect(list:same(1, { No = "C1", Amount = decimal.new "1.50" })):is_true()
    expect(list:same(1, { No = "C2", Amount = decimal.new "1.51" })):equals { "Amount", "No" }
  end)
end)

describe("the body of an answer", function()
  it("is read on another thread, and gone then", function()
    local body = answered(PAGE)
    expect(type(body)):equals "userdata"
    expect(#body):equals(#PAGE)
    local list <close> = assert(plan():read(body))
    expect(list:record(1).No):equals "C1"
    expect(list:beside()):equals '"n"'
    expect(list:hashes()[1]):equals(crypto.hash(list:text(1)))
    expect(#body):equals(0)
  end)

  it("stays for whoever says what it is, when it holds no list", function()
    local body = answered "<html>"
    local list, err = plan():read(body)
    expect(list):is_nil()
    expect(err.code):equals "json"
    expect(body:text()):equals "<html>"
    body = answered '{"value":[{"Amount":1},{"Amount":[]}]}'
    list, err = plan():read(body)
    expect(list):is_nil()
    expect(err.code .. err.record):equals "type2"
    expect(json.decode(body:text()).value[1].Amount):equals(1)
  end)

  it("is a text for any other status", function()
    expect(answered("no", 404)):equals "no"
  end)
end)
