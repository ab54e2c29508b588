--- Run by servers.py: ten customers are posted to NAV through the sign-in that the environment names.

local http = require "navodoo.http"
local secret = require "navodoo.secret"

describe("a sign-in by connection", function()
  it("lets each POST through once", function()
    local way = os.getenv "LOGIN_WAY"
    local token = tostring(assert(secret.get "LOGIN_TEST_PASSWORD"))
    assert(http.endpoint { name = "nav", base_url = os.getenv "LOGIN_URL" .. "/DynamicsNAV110/ODataV4", auth = way,
                           user = os.getenv "LOGIN_USER", secret = way == "ntlm" and token or nil,
                           max_connections = 1 })
    for i = 1, 10 do
      local res = assert(http.request { endpoint = "nav", method = "POST",
        path = "/Company('CRONUS%20International%20Ltd.')/CustomerCard",
        headers = { ["Content-Type"] = "application/json" }, body = ('{"Name":"Customer %d"}'):format(i) })
      expect(res.status):equals(201)
    end
  end)
end)
