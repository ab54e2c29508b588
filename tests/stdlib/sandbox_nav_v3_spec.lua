--- The sandbox NAV's OData V3 on the wire: metadata, both forms of JSON, literals, statuses, refusals.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local xml = require "navodoo.xml"
local nav = require "sandbox.nav"

local ROOT <const> = "/DynamicsNAV110/OData"
local COMPANY <const> = ROOT .. "/Company('CRONUS%20International%20Ltd.')"
local V4 <const> = COMPANY:gsub("OData", "ODataV4")
local state = nav.new { customers = 30, addresses = 4 }
local clock = { now = function() return 1768867200 * 1000000 end }

local function call(method, path, headers, body)
  local all = { authorization = "Basic " .. crypto.base64("navodoo:sandbox"), host = "nav.example:7048" }
  for name, value in pairs(headers or {}) do all[name] = value end
  if path:sub(1, 1) ~= "/" then path = COMPANY .. "/" .. path end
  return nav.handle({ method = method, path = path:gsub(" ", "%%20"), headers = all, body = body }, state, clock)
end

local VERBOSE <const> = { accept = "application/json;odata=verbose", maxdataserviceversion = "2.0" }

describe("sandbox.nav V3", function()
  it("describes itself as a real NAV does", function()
    local res = call("GET", "/DynamicsNAV110/OData/$metadata")
    local root = assert(xml.parse(res.body))
    expect(root.attrs.Version):equals "1.0"
    for _, text in ipairs { '<EntityType Name="ShiptoAddress">\n    <Key><PropertyRef Name="Customer_No"/>',
        '<Property Name="No" Type="Edm.String" Nullable="false"/>',
        '<Property Name="Last_Date_Modified" Type="Edm.DateTime"/>',
        '<Property Name="ETag" Type="Edm.String" ConcurrencyMode="Fixed"/>',
        '<Association Name="Company_CustomerCard">' } do
      expect(res.body:find(text, 1, true) and text):equals(text)
    end
    expect(res.body:find("MaxLength", 1, true)):is_nil()
  end)

  it("writes light JSON: the version is a property, days have a midnight, decimals are texts", function()
    local res = call("GET", "CustomerCard('10000')?$select=No,Credit_Limit_LCY,Last_Date_Modified,ETag")
    expect(res.headers["Content-Type"]):matches "odata=minimalmetadata"
    local row = json.decode(res.body)
    expect(row["odata.metadata"]):equals "http://nav.example:7048/DynamicsNAV110/OData/$metadata#CustomerCard/@Element"
    expect(row.Last_Date_Modified):matches "^%d+%-%d+%-%d+T00:00:00$"
    expect(type(row.Credit_Limit_LCY)):equals "string"
    expect(row.ETag):matches "^28;EgAAAAJ7BTEAMAAwADAAMAAAAAAA8;%d+;$"
    local list = json.decode(call("GET", "CustomerCard?$select=No&$inlinecount=allpages",
      { prefer = "odata.maxpagesize=2" }).body)
    expect(list["odata.count"]):equals "30"
    expect(#list.value):equals(2)
    expect(next(list.value[1])):equals "No" -- and nothing beside
    expect(list["odata.nextLink"]):matches "/OData/Company%('CRONUS.*skiptoken='"
  end)

  it("writes verbose JSON for those who know no other", function()
    local one = json.decode(call("GET", "ShiptoAddress?$top=1", VERBOSE).body).d.results[1]
    expect(one.__metadata.uri):matches "/ShiptoAddress%(Customer_No='%w+',Code='%w+'%)$"
    expect(one.__metadata.type .. one.__metadata.etag):matches "^NAV.ShiptoAddressW/"
    expect(one.Last_Date_Modified):matches "^/Date%(%-?%d+%)/$"
    local same = json.decode(call("GET", one.__metadata.uri:match "//[^/]+(/.*)$", VERBOSE).body).d
    expect(same.Code):equals(one.Code)
    local err = json.decode(call("GET", "Nothing", VERBOSE).body).error
    expect(err.code .. err.message.value):equals "Resource not found for the segment 'Nothing'."
  end)

  it("takes its own literals and options, not those of V4", function()
    local function status(path) return call("GET", path).status end
    expect(status "CustomerCard?$filter=Last_Date_Modified ge datetime'2026-01-01T00:00:00'"):equals(200)
    expect(status "CustomerCard?$filter=Last_Date_Modified ge 2026-01-01"):equals(400)
    expect(status "CustomerCard?$filter=Credit_Limit_LCY gt 12.5M"):equals(200)
    expect(status "CustomerCard?$filter=Credit_Limit_LCY gt 12.5"):equals(200)
    expect(status "CustomerCard?$filter=Name eq null"):equals(501)
    expect(status "CustomerCard?$count=true"):equals(400)
    expect(status(V4 .. "/CustomerCard?$inlinecount=allpages")):equals(400)
    expect(status(V4 .. "/CustomerCard?$filter=Last_Date_Modified ge datetime'2026-01-01T00:00:00'")):equals(400)
  end)

  it("answers an update with nothing, a stale version with 412, and has no codes", function()
    local tag = call("GET", "CustomerCard('10000')").headers.ETag
    local res = call("MERGE", "CustomerCard('10000')", { ["if-match"] = tag },
      '{"Credit_Limit_LCY":"12.50","Phone_No":"1"}')
    expect(res.status .. res.body):equals "204"
    expect(res.headers.ETag ~= tag):is_true()
    local row = json.decode(call("GET", "CustomerCard('10000')").body)
    expect(row.Credit_Limit_LCY .. row.Phone_No):equals "12.51"
    for _, headers in ipairs { { ["if-match"] = tag }, {} } do
      res = call("MERGE", "CustomerCard('10000')", headers, '{"Phone_No":"2"}')
      local err = json.decode(res.body)["odata.error"]
      expect(res.status .. err.code .. err.message.lang):equals "412en-US"
    end
    res = call("POST", "CustomerCard", {}, '{"Name":"Neu"}')
    expect(res.status):equals(201)
    expect(res.headers.Location):matches "/OData/Company%('.*'%)/CustomerCard%('[^']+'%)$"
    expect(call("MERGE", V4 .. "/CustomerCard('10000')", { ["if-match"] = "*" }, "{}").status):equals(405)
  end)

  it("lists its companies and services", function()
    expect(json.decode(call("GET", ROOT .. "/Company").body).value[1].Name):equals "CRONUS International Ltd."
    expect(json.decode(call("GET", ROOT).body).value[2].name):equals "CustomerCard"
    expect(json.decode(call("GET", COMPANY, VERBOSE).body).d.Name):equals "CRONUS International Ltd."
  end)
end)
