/* What strangers send to the door for hooks: any method, address, headers and body get an
 * answer of the few there are, and only a whole event under the right secret becomes a
 * job, of a record that can be. The secret stands in no answer. */
#include "fuzz_lua.h"

static const char script[] =
    "local inbox = require 'navodoo.engine.inbox'\n"
    "local secret = require 'navodoo.secret'\n"
    "local store = require 'navodoo.store'\n"
    "local stored\n"
    "store.query = function() return { { count = 0 } } end\n"
    "store.apply = function(ops)\n"
    "  for _, op in ipairs(ops) do\n"
    "    stored = true\n"
    "    if op[1] == 'job_hint' then\n"
    "      local id = math.tointeger(tonumber(op[4]))\n"
    "      assert(op[2] == 'customer' and op[3] == 'odoo_to_nav', 'another flow')\n"
    "      assert(op[4]:find('^[1-9]%d*$') and id <= 2147483647, 'no record: ' .. op[4])\n"
    "      assert(op[7] == nil or op[7]:find('^%x+$') and #op[7] == 32, 'a delivery without bounds')\n"
    "    else\n"
    "      assert(op[1] == 'delivery_put' and #op[3] == 32, op[1])\n"
    "    end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "local SECRET = '0123456789abcdef0123456789abcdef'\n"
    "local box = inbox.new()\n"
    "box:open { partner = { secret = assert(secret.define('fuzz-hook', SECRET)),\n"
    "                       flows = { { name = 'customer', model = 'res.partner' } } } }\n"
    "local ALLOWED = { [200] = true, [400] = true, [404] = true, [405] = true }\n"
    "local PATH = '/hooks/partner/' .. SECRET\n"
    "local function ask(method, path, headers, body)\n"
    "  stored = false\n"
    "  local a = box:handle { method = method, path = path, headers = headers, body = body }\n"
    "  assert(ALLOWED[a.status], 'status ' .. tostring(a.status) .. ': ' .. tostring(a.body))\n"
    "  assert(not a.body:find(SECRET, 1, true), 'the secret is told')\n"
    "  assert(stored == (a.status == 200), 'stored and answered differ')\n"
    "  assert(path == PATH or a.status == 404, 'another address is answered')\n"
    "  assert(box.in_flight == 0 and box.bytes == 0, 'an event stays in flight')\n"
    "end\n"
    "return function(input)\n"
    "  local kind, rest = input:sub(1, 1), input:sub(2)\n"
    "  if kind == 'p' then return ask('POST', rest, {}, '{\"_id\":1,\"_model\":\"res.partner\"}') end\n"
    "  if kind == 'm' then return ask(rest, PATH, {}, '{\"_id\":1,\"_model\":\"res.partner\"}') end\n"
    "  if kind == 'd' then\n"
    "    local id, body = rest:match('^([^\\n]*)\\n?(.*)$')\n"
    "    return ask('POST', PATH, { ['webhook-id'] = id }, body)\n"
    "  end\n"
    "  ask('POST', PATH, {}, input)\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzzer f;
  if (!f.state) fuzz_open(&f, script, 64 << 20);
  fuzz_one(&f, data, size);
  return 0;
}
