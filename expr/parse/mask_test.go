package parse

import (
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		`from_avro(v, 's', 'http://r', map('confluent.schema.registry.basic.auth.user.info', 'me:canary'))`: `from_avro(v, 's', 'http://r', map('confluent.schema.registry.basic.auth.user.info', '***'))`,
		`map("Schema.Registry.bearer.auth.token" ,  "can""ary", 'mode', 'FAILFAST')`:                        `map("Schema.Registry.bearer.auth.token" ,  "***", 'mode', 'FAILFAST')`,
		`map('confluent.schema.registry.ssl.keystore.key', 'can\'ary', 'x', 'y')`:                           `map('confluent.schema.registry.ssl.keystore.key', '***', 'x', 'y')`,
		`map('confluent.schema.registry.ssl.keystore.key', 'canary`:                                         `map('confluent.schema.registry.ssl.keystore.key', '***`,
		`map('schema.registry.address', 'http://r', 'key', 'v')`:                                            `map('schema.registry.address', 'http://r', 'key', 'v')`,
		`a + 1`: `a + 1`,
	} {
		if got := Mask(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
		if hidden := hide(text); len(hidden) != len(text) || strings.Contains(hidden, "ary") {
			t.Errorf("%s is hidden as %s", text, hidden)
		}
	}
	if _, err := Item(`from_avro(v, map('confluent.schema.registry.bearer.auth.token', 'canary'`); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("%v", err)
	}
}
