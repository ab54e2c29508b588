/* What a stranger may ask of the sandbox NAV: any $filter, any query, any address is
 * answered with JSON and a status that is no accident. Names become XML names, and a
 * literal that the connector writes is read back as it was. */
#include "fuzz_lua.h"

static const char script[] =
    "local crypto = require 'navodoo.crypto'\n"
    "local json = require 'navodoo.json'\n"
    "local text = require 'navodoo.text'\n"
    "local filter = require 'connector.nav.filter'\n"
    "local names = require 'sandbox.nav.names'\n"
    "local nav = require 'sandbox.nav'\n"
    "local words = require 'sandbox.nav.words'\n"
    "local ROOT = \"/DynamicsNAV110/ODataV4/Company('CRONUS%20International%20Ltd.')/CustomerCard\"\n"
    "local headers = { authorization = 'Basic ' .. crypto.base64 'navodoo:sandbox', host = 'nav:7048' }\n"
    "local state = nav.new { customers = 20, seed = 1 }\n"
    "local clock = { now = function() return 1764000000000000 end }\n"
    "local ALLOWED = { [200] = true, [400] = true, [404] = true, [405] = true, [409] = true, [501] = true }\n"
    "local function ask(path)\n"
    "  local response = nav.handle({ method = 'GET', path = path, headers = headers, body = '' }, state, clock)\n"
    "  assert(ALLOWED[response.status], 'status ' .. tostring(response.status))\n"
    "  if not path:find('metadata', 1, true) then\n"
    "    assert(json.decode(response.body), 'an answer that is no JSON: ' .. response.body)\n"
    "  end\n"
    "end\n"
    "local function encode(s) return (s:gsub('[^%w]', function(c) return ('%%%02X'):format(c:byte()) end)) end\n"
    "return function(input)\n"
    "  local kind, rest = input:sub(1, 1), input:sub(2)\n"
    "  if kind == 'q' then return ask(ROOT .. '?' .. rest:gsub('[%c ]', '+')) end\n"
    "  if kind == 'p' then return ask('/DynamicsNAV110/ODataV4/' .. rest:gsub('[%c ]', '_')) end\n"
    "  if kind == 'n' then\n"
    "    if not text.valid(rest) then return end\n"
    "    local name = names.externalize(rest)\n"
    "    assert(not name:find('^%d') and not name:find('[%z\\1-\\47:-@[-^`{-\\127]'), 'no XML name: ' .. name)\n"
    "    return\n"
    "  end\n"
    "  if kind == 'l' then\n"
    "    local list = assert(words.of(filter.literal({ fields = { x = { type = 'char' } } }, 'x', rest)), 'an unreadable literal')\n"
    "    assert(#list == 1 and list[1].kind == 'literal' and list[1].value == rest, 'another literal')\n"
    "    return\n"
    "  end\n"
    "  ask(ROOT .. '?$filter=' .. encode(input))\n"
    "end\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static fuzzer f;
  if (!f.state) fuzz_open(&f, script, 64 << 20);
  fuzz_one(&f, data, size);
  return 0;
}
