--- The world as a fresh Odoo knows it: countries, states, currencies, languages.
--
-- Facts only, in the order in which Odoo creates the records, because that order makes the ids:
-- base.hu is 99, base.us is 233, California is 13, HUF is 11 on every database. Currency ids past
-- that are those of the order below (EUR was seen at 1 on 14 and at 126 since 17).

local world = {}

-- code name currency dial, "_" for a blank. The external id is base.<code>; the United Kingdom is
-- base.uk with the code GB.
local COUNTRIES <const> = [[
  ad Andorra EUR 376; ae United_Arab_Emirates AED 971; af Afghanistan AFN 93;
  ag Antigua_and_Barbuda XCD 1268; ai Anguilla XCD 1264; al Albania ALL 355; am Armenia AMD 374;
  ao Angola AOA 244; aq Antarctica XCD 672; ar Argentina ARS 54; as American_Samoa USD 1684;
  at Austria EUR 43; au Australia AUD 61; aw Aruba AWG 297; ax Åland_Islands EUR 358;
  az Azerbaijan AZN 994; ba Bosnia_and_Herzegovina BAM 387; bb Barbados BBD 1246;
  bd Bangladesh BDT 880; be Belgium EUR 32; bf Burkina_Faso XOF 226; bg Bulgaria BGN 359;
  bh Bahrain BHD 973; bi Burundi BIF 257; bj Benin XOF 229; bl Saint_Barthélémy EUR 590;
  bm Bermuda BMD 1441; bn Brunei_Darussalam BND 673; bo Bolivia BOB 591;
  bq Bonaire,_Sint_Eustatius_and_Saba USD 599; br Brazil BRL 55; bs Bahamas BSD 1242;
  bt Bhutan BTN 975; bv Bouvet_Island NOK 55; bw Botswana BWP 267; by Belarus BYN 375;
  bz Belize BZD 501; ca Canada CAD 1; cc Cocos_(Keeling)_Islands AUD 61;
  cf Central_African_Republic XAF 236; cd Democratic_Republic_of_the_Congo CDF 243;
  cg Congo XAF 242; ch Switzerland CHF 41; ci Côte_d'Ivoire XOF 225; ck Cook_Islands NZD 682;
  cl Chile CLP 56; cm Cameroon XAF 237; cn China CNY 86; co Colombia COP 57;
  cr Costa_Rica CRC 506; cu Cuba CUP 53; cv Cape_Verde CVE 238; cw Curaçao ANG 599;
  cx Christmas_Island AUD 61; cy Cyprus EUR 357; cz Czech_Republic CZK 420; de Germany EUR 49;
  dj Djibouti DJF 253; dk Denmark DKK 45; dm Dominica XCD 1767; do Dominican_Republic DOP 1849;
  dz Algeria DZD 213; ec Ecuador USD 593; ee Estonia EUR 372; eg Egypt EGP 20;
  eh Western_Sahara MAD 212; er Eritrea ERN 291; es Spain EUR 34; et Ethiopia ETB 251;
  fi Finland EUR 358; fj Fiji FJD 679; fk Falkland_Islands FKP 500; fm Micronesia USD 691;
  fo Faroe_Islands DKK 298; fr France EUR 33; ga Gabon XAF 241; gd Grenada XCD 1473;
  ge Georgia GEL 995; gf French_Guiana EUR 594; gh Ghana GHS 233; gi Gibraltar GIP 350;
  gg Guernsey GBP 44; gl Greenland DKK 299; gm Gambia GMD 220; gn Guinea GNF 224;
  gp Guadeloupe EUR 590; gq Equatorial_Guinea XAF 240; gr Greece EUR 30;
  gs South_Georgia_and_the_South_Sandwich_Islands GBP 500; gt Guatemala GTQ 502; gu Guam USD 1671;
  gw Guinea-Bissau XOF 245; gy Guyana GYD 592; hk Hong_Kong HKD 852;
  hm Heard_Island_and_McDonald_Islands AUD 672; hn Honduras HNL 504; hr Croatia EUR 385;
  ht Haiti HTG 509; hu Hungary HUF 36; id Indonesia IDR 62; ie Ireland EUR 353; il Israel ILS 972;
  im Isle_of_Man GBP 44; in India INR 91; io British_Indian_Ocean_Territory USD 246;
  iq Iraq IQD 964; ir Iran IRR 98; is Iceland ISK 354; it Italy EUR 39; je Jersey GBP 44;
  jm Jamaica JMD 1876; jo Jordan JOD 962; jp Japan JPY 81; ke Kenya KES 254;
  kg Kyrgyzstan KGS 996; kh Cambodia KHR 855; ki Kiribati AUD 686; km Comoros KMF 269;
  kn Saint_Kitts_and_Nevis XCD 1869; kp North_Korea KPW 850; kr South_Korea KRW 82;
  kw Kuwait KWD 965; ky Cayman_Islands KYD 1345; kz Kazakhstan KZT 7; la Laos LAK 856;
  lb Lebanon LBP 961; lc Saint_Lucia XCD 1758; li Liechtenstein CHF 423; lk Sri_Lanka LKR 94;
  lr Liberia LRD 231; ls Lesotho LSL 266; lt Lithuania EUR 370; lu Luxembourg EUR 352;
  lv Latvia EUR 371; ly Libya LYD 218; ma Morocco MAD 212; mc Monaco EUR 377; md Moldova MDL 373;
  me Montenegro EUR 382; mf Saint_Martin_(French_part) EUR 590; mg Madagascar MGA 261;
  mh Marshall_Islands USD 692; mk North_Macedonia MKD 389; ml Mali XOF 223; mm Myanmar MMK 95;
  mn Mongolia MNT 976; mo Macau MOP 853; mp Northern_Mariana_Islands USD 1670;
  mq Martinique EUR 596; mr Mauritania MRU 222; ms Montserrat XCD 1664; mt Malta EUR 356;
  mu Mauritius MUR 230; mv Maldives MVR 960; mw Malawi MWK 265; mx Mexico MXN 52;
  my Malaysia MYR 60; mz Mozambique MZN 258; na Namibia NAD 264; nc New_Caledonia XPF 687;
  ne Niger XOF 227; nf Norfolk_Island AUD 672; ng Nigeria NGN 234; ni Nicaragua NIO 505;
  nl Netherlands EUR 31; no Norway NOK 47; np Nepal NPR 977; nr Nauru AUD 674; nu Niue NZD 683;
  nz New_Zealand NZD 64; om Oman OMR 968; pa Panama PAB 507; pe Peru PEN 51;
  pf French_Polynesia XPF 689; pg Papua_New_Guinea PGK 675; ph Philippines PHP 63;
  pk Pakistan PKR 92; pl Poland PLN 48; pm Saint_Pierre_and_Miquelon EUR 508;
  pn Pitcairn_Islands NZD 64; pr Puerto_Rico USD 1939; ps State_of_Palestine ILS 970;
  pt Portugal EUR 351; pw Palau USD 680; py Paraguay PYG 595; qa Qatar QAR 974;
  re Réunion EUR 262; ro Romania RON 40; rs Serbia RSD 381; ru Russian_Federation RUB 7;
  rw Rwanda RWF 250; sa Saudi_Arabia SAR 966; sb Solomon_Islands SBD 677; sc Seychelles SCR 248;
  sd Sudan SDG 249; se Sweden SEK 46; sg Singapore SGD 65;
  sh Saint_Helena,_Ascension_and_Tristan_da_Cunha SHP 290; si Slovenia EUR 386;
  sj Svalbard_and_Jan_Mayen NOK 47; sk Slovakia EUR 421; sl Sierra_Leone SLL 232;
  sm San_Marino EUR 378; sn Senegal XOF 221; so Somalia SOS 252; sr Suriname SRD 597;
  ss South_Sudan SSP 211; st São_Tomé_and_Príncipe STD 239; sv El_Salvador SVC 503;
  sx Sint_Maarten_(Dutch_part) ANG 1721; sy Syria SYP 963; sz Eswatini SZL 268;
  tc Turks_and_Caicos_Islands USD 1649; td Chad XAF 235; tf French_Southern_Territories EUR 262;
  tg Togo XOF 228; th Thailand THB 66; tj Tajikistan TJS 992; tk Tokelau NZD 690;
  tm Turkmenistan TMT 993; tn Tunisia TND 216; to Tonga TOP 676; tl Timor-Leste USD 670;
  tr Türkiye TRY 90; tt Trinidad_and_Tobago TTD 1868; tv Tuvalu AUD 688; tw Taiwan TWD 886;
  tz Tanzania TZS 255; ua Ukraine UAH 380; ug Uganda UGX 256; uk United_Kingdom GBP 44;
  um USA_Minor_Outlying_Islands USD 699; us United_States USD 1; uy Uruguay UYU 598;
  uz Uzbekistan UZS 998; va Holy_See_(Vatican_City_State) EUR 379;
  vc Saint_Vincent_and_the_Grenadines XCD 1784; ve Venezuela VEF 58;
  vg Virgin_Islands_(British) USD 1284; vi Virgin_Islands_(USA) USD 1340; vn Vietnam VND 84;
  vu Vanuatu VUV 678; wf Wallis_and_Futuna XPF 681; ws Samoa WST 685; ye Yemen YER 967;
  yt Mayotte EUR 262; za South_Africa ZAR 27; zm Zambia ZMW 260; zw Zimbabwe ZWL 263;
  xi Northern_Ireland GBP 44; xk Kosovo EUR 383;
]]

-- country: code name, ... ; external ids base.state_<country>_<n>
local STATES <const> = {
  { "au", [[
    ACT Australian_Capital_Territory; NSW New_South_Wales; NT Northern_Territory; QLD Queensland;
    SA South_Australia; TAS Tasmania; VIC Victoria; WA Western_Australia;
  ]] },
  { "us", [[
    AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut;
    DE Delaware; DC District_of_Columbia; FL Florida; GA Georgia; HI Hawaii; ID Idaho; IL Illinois;
    IN Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana; ME Maine; MT Montana; NE Nebraska;
    NV Nevada; NH New_Hampshire; NJ New_Jersey; NM New_Mexico; NY New_York; NC North_Carolina;
    ND North_Dakota; OH Ohio; OK Oklahoma; OR Oregon; MD Maryland; MA Massachusetts; MI Michigan;
    MN Minnesota; MS Mississippi; MO Missouri; PA Pennsylvania; RI Rhode_Island; SC South_Carolina;
    SD South_Dakota; TN Tennessee; TX Texas; UT Utah; VT Vermont; VA Virginia; WA Washington;
    WV West_Virginia; WI Wisconsin; WY Wyoming;
  ]] },
}

-- Ids 3, 4, ...; EUR and USD stand before them (14) or USD alone (17 and later).
local CURRENCIES <const> = [[
  VEF CAD CHF BRL CNY COP CZK DKK HUF IDR LVL NOK XPF PAB PLN SEK ARS INR AUD UAH VND HKD JPY BGN
  LTL RON HRK RUB TRY KRW MXN MYR NZD PHP SGD ZAR CRC MUR XOF XAF UGX HNL CLP UYU AFN AOA XCD AMD
  AWG AZN BSD BHD BDT BBD BYR BYN BZD BMD BTN BOB BAM BWP BIF KHR KYD KMF CDF CUP ANG DJF DOP EGP
  SVC ERN ETB FKP FJD GEL GIP GNF GYD HTG ISK IRR IQD ILS JMD JOD KZT KES KWD KGS LAK LBP LSL LRD
  LYD MOP MKD MGA MWK MVR MRO MRU MDL MNT MAD BND DZD GHS GMD MZN MMK NAD NPR ALL NIO NGN KPW ZWL
  ZMW YER EUR VUV UZS AED TMT TND TTD TOP THB TZS TJS TWD SYP SZL SRD SDG LKR SSP GBP SOS SBD SLL
  SCR RSD SAR STD WST SHP RWF QAR PEN PYG PGK PKR OMR CVE COU CLF CUC GTQ VES UYW UYI STN
]]

-- Symbols of the currencies a European set of books meets; the others show their code.
local SYMBOLS <const> = {
  EUR = "€", USD = "$", GBP = "£", CAD = "$", AUD = "$", NZD = "$", HKD = "$", MXN = "$",
  SGD = "S$", BRL = "R$", CNY = "¥", JPY = "¥", CZK = "Kč", DKK = "kr", NOK = "kr", SEK = "kr",
  ISK = "kr", HUF = "Ft", PLN = "zł", RON = "lei", BGN = "лв", HRK = "kn", TRY = "₺", UAH = "₴",
  RUB = "руб", RSD = "din.", INR = "₹", KRW = "₩", ILS = "₪", ZAR = "R", TWD = "NT$",
}

local BEFORE <const> = " USD CAD CHF BRL CNY AUD NZD HKD JPY GBP DKK NOK INR KRW MXN SGD ZAR ILS "
local WHOLE <const> = " XPF VND JPY KRW XOF XAF UGX CLP BYR BIF KMF DJF GNF ISK VUV TWD PYG RWF UYI "
local MILS <const> = " BHD IQD JOD KWD LYD TND OMR "

local EU <const> = " be bg cy cz de dk ee es fi fr gr hr hu ie it lt lu lv mt nl pl pt ro se si sk uk "
local VAT_LABELS <const> = {
  at = "USt", au = "ABN", ca = "GST/HST number", ["in"] = "GSTIN", nz = "GST", ar = "CUIT",
  cl = "RUT", co = "NIT", mx = "RFC", pe = "RUC", sg = "GST No.", ae = "TRN", id = "NPWP",
}

-- code, name, ISO code, date format, separators "thousands decimal"; the first is always installed.
local LANGUAGES <const> = {
  { "en_US", "English (US)", "en", "%m/%d/%Y", ",." },
  { "bg_BG", "Bulgarian / български език", "bg", "%d.%m.%Y", " ," },
  { "cs_CZ", "Czech / Čeština", "cs", "%d.%m.%Y", " ," },
  { "da_DK", "Danish / Dansk", "da", "%d-%m-%Y", ".," },
  { "de_CH", "German (CH) / Deutsch (CH)", "de_CH", "%d.%m.%Y", "'." },
  { "de_DE", "German / Deutsch", "de", "%d.%m.%Y", ".," },
  { "el_GR", "Greek / Ελληνικά", "el", "%d/%m/%Y", ".," },
  { "en_AU", "English (AU)", "en_AU", "%d/%m/%Y", ",." },
  { "en_CA", "English (CA)", "en_CA", "%Y-%m-%d", ",." },
  { "en_GB", "English (UK)", "en_GB", "%d/%m/%Y", ",." },
  { "es_ES", "Spanish / Español", "es", "%d/%m/%Y", ".," },
  { "fi_FI", "Finnish / Suomi", "fi", "%d.%m.%Y", " ," },
  { "fr_BE", "French (BE) / Français (BE)", "fr_BE", "%d/%m/%Y", ".," },
  { "fr_CH", "French (CH) / Français (CH)", "fr_CH", "%d/%m/%Y", "'." },
  { "fr_FR", "French / Français", "fr", "%d/%m/%Y", " ," },
  { "hr_HR", "Croatian / hrvatski jezik", "hr", "%d.%m.%Y", ".," },
  { "hu_HU", "Hungarian / Magyar", "hu", "%Y-%m-%d", ".," },
  { "it_IT", "Italian / Italiano", "it", "%d/%m/%Y", ".," },
  { "ja_JP", "Japanese / 日本語", "ja", "%Y/%m/%d", ",." },
  { "nb_NO", "Norwegian Bokmål / Norsk bokmål", "nb_NO", "%d. %b. %Y", " ," },
  { "nl_BE", "Dutch (BE) / Nederlands (BE)", "nl_BE", "%d-%m-%Y", ".," },
  { "nl_NL", "Dutch / Nederlands", "nl", "%d-%m-%Y", ".," },
  { "pl_PL", "Polish / Język polski", "pl", "%d.%m.%Y", " ," },
  { "pt_PT", "Portuguese / Português", "pt", "%d-%m-%Y", " ," },
  { "ro_RO", "Romanian / română", "ro", "%d.%m.%Y", ".," },
  { "sk_SK", "Slovak / Slovenský jazyk", "sk", "%d.%m.%Y", " ," },
  { "sl_SI", "Slovenian / slovenščina", "sl", "%d. %m. %Y", " ," },
  { "sr_RS", "Serbian (Cyrillic) / српски", "sr_RS", "%d.%m.%Y.", ".," },
  { "sv_SE", "Swedish / Svenska", "sv", "%Y-%m-%d", " ," },
  { "tr_TR", "Turkish / Türkçe", "tr", "%d-%m-%Y", ".," },
  { "uk_UA", "Ukrainian / українська", "uk", "%d.%m.%Y", " ," },
  { "zh_CN", "Chinese (Simplified) / 简体中文", "zh_CN", "%Y年%m月%d日", ",." },
}

-- Country names in Hungarian, the one language besides English that is installed.
local HUNGARIAN <const> = {
  hu = "Magyarország", at = "Ausztria", de = "Németország", ch = "Svájc", sk = "Szlovákia",
  ro = "Románia", us = "Egyesült Államok", uk = "Egyesült Királyság", fr = "Franciaország",
}

local function has(list, word) return list:find(" " .. word .. " ", 1, true) ~= nil end

---@class sandbox.Country
---@field xmlid string @field name string @field code string @field currency string
---@field phone integer @field vat_label string? @field name_hu string?

--- All countries in the order of their ids.
---@param version integer
---@return sandbox.Country[]
function world.countries(version)
  local list = {}
  for key, name, currency, dial in COUNTRIES:gmatch("(%l%l) (%S+) (%u%u%u) (%d+)") do
    if version < 17 and key == "tr" then name = "Turkey" end
    if version < 17 and key == "hr" then currency = "HRK" end
    if key == "xi" and version < 19 then goto continue end -- seen in 19 only
    list[#list + 1] = {
      xmlid = key, name = name:gsub("_", " "), code = key == "uk" and "GB" or key:upper(),
      currency = currency, phone = tonumber(dial), name_hu = HUNGARIAN[key],
      vat_label = VAT_LABELS[key] or (has(EU, key) and "VAT" or nil),
    }
    ::continue::
  end
  return list
end

--- States: { xmlid, country, code, name } in the order of their ids.
---@return table[]
function world.states()
  local list = {}
  for _, entry in ipairs(STATES) do
    local n = 0
    for code, name in entry[2]:gmatch("(%S+) (%S+);") do
      n = n + 1
      list[#list + 1] = {
        xmlid = ("state_%s_%d"):format(entry[1], n), country = entry[1], code = code,
        name = name:gsub("_", " "),
      }
    end
  end
  return list
end

--- Currencies: { id, code, symbol, position, rounding }.
---@param version integer
---@return table[]
function world.currencies(version)
  local list, id = {}, 2
  local function add(number, code)
    list[#list + 1] = {
      id = number, code = code, symbol = SYMBOLS[code] or code,
      position = has(BEFORE, code) and "before" or "after",
      rounding = has(WHOLE, code) and 1.0 or has(MILS, code) and 0.001 or 0.01,
    }
  end
  if version < 17 then add(1, "EUR") end
  add(version < 17 and 2 or 1, "USD")
  for code in CURRENCIES:gmatch("%u%u%u") do
    id = id + 1
    if code == "EUR" then
      if version >= 17 then id = 126 add(id, code) else id = id - 1 end
    else
      add(id, code)
    end
  end
  return list
end

--- Languages in the order of their ids: { code, name, iso, date_format, thousands, decimal }.
---@return table[]
function world.languages()
  local list = {}
  for i, l in ipairs(LANGUAGES) do
    list[i] = { code = l[1], name = l[2], iso = l[3], date_format = l[4],
      thousands = l[5]:sub(1, 1), decimal = l[5]:sub(2, 2) }
  end
  return list
end

return world
