std = "lua54"
max_line_length = 120
files["tests"] = { globals = { "describe", "it", "expect" } }
files["flows/tests"] = { globals = { "describe", "it", "expect" } }
exclude_files = { "stdlib/types", "flows/schema", "tests/fuzz/corpus" }
