/* Whatever a flow file says, compiling it ends soon, with a flow or with mistakes that
 * have a text; and whatever the flow's functions do, mapping ends soon as well. */
#include "fuzz_lua.h"

static const char script[] =
    "local json = require 'navodoo.json'\n"
    "local loader = require 'navodoo.loader'\n"
    "local task = require 'navodoo.task'\n"
    "local record = { No = 'C-1', Name = 'Jürgen', Blocked = ' ', Credit_Limit_LCY = 12,\n"
    "  E_Mail = 'A@B.example', Country_Region_Code = 'DE', Home_Page = json.null }\n"
    "return function(source)\n"
    "  local flow, problems = loader.compile { file = 'flows/fuzz.lua', source = source }\n"
    "  if not flow then\n"
    "    assert(type(problems) == 'table' and #problems > 0, 'refused without a reason')\n"
    "    for _, p in ipairs(problems) do\n"
    "      assert(type(p.text) == 'string' and p.text ~= '', 'a mistake without a text')\n"
    "      assert(p.line == nil or math.type(p.line) == 'integer', 'a line that is no number')\n"
    "    end\n"
    "    return\n"
    "  end\n"
    "  local ok, values, broken = task.guard(nil, flow.to_odoo, flow, record, { creating = true, lookups = {} })\n"
    "  if not ok then assert(type(values.text) == 'string' and values.code, 'an error without a text')\n"
    "  else assert(type(values) == 'table' and type(broken) == 'table', 'mapping gave nonsense') end\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzzer f;
  if (!f.state) fuzz_open(&f, script, 64 << 20);
  fuzz_one(&f, data, size);
  return 0;
}
