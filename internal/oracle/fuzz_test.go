package oracle

import (
	"os"
	"path/filepath"
	"testing"
)

// Whatever a log holds, the judge returns.
func FuzzLog(f *testing.F) {
	f.Add([]byte(`{"metaData":{"id":"a","schemaString":"{\"type\":\"struct\",\"fields\":[]}","partitionColumns":["x"]}}`), []byte("{\"add\":{\"path\":\"%zz\",\"stats\":\"{\"}}\n{\"remove\":{\"path\":\"\"}}"))
	f.Add([]byte(`{"add":{"path":"/dev/null","partitionValues":null,"size":-1,"deletionVector":{}}}`), []byte(`{"txn":{"appId":"/","version":-1}}`))
	f.Add([]byte(`{"domainMetadata":{"domain":"deltaic.x","configuration":"{\"format\":1,\"manifestFile\":{\"path\":\"../../x\"}}"}}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		dir := t.TempDir()
		log := filepath.Join(dir, "_delta_log")
		if err := os.Mkdir(log, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"00000000000000000000.json": first, "00000000000000000001.json": second, "00000000000000000001.checkpoint.parquet": first} {
			if err := os.WriteFile(filepath.Join(log, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := CheckLog(dir); err != nil {
			t.Fatal(err)
		}
		_, _ = CheckData(dir)
		_, _ = CheckLedger(dir, "", dir)
	})
}
