package flowfile

import (
	"strings"
	"testing"
)

// Settings that name credentials or an endpoint are refused, not passed over: a flow that went on without them would ask another service.
func TestHadoopSettingsAreRefusedWithWhatToWriteInstead(t *testing.T) {
	for key, want := range map[string]string{
		"spark.hadoop.fs.s3a.endpoint": "AWS_ENDPOINT_URL", "fs.s3a.endpoint.region": "AWS_REGION", "fs.s3a.secret.key": "AWS_SECRET_ACCESS_KEY",
		"spark.hadoop.fs.s3a.connection.maximum": "OPERATING.md", "fs.azure.account.key.acc.dfs.core.windows.net": "AZURE_STORAGE_ACCOUNT_KEY",
		"spark.hadoop.google.cloud.auth.service.account.enable": "GOOGLE_APPLICATION_CREDENTIALS",
		"spark.sql.shuffle.partitions":                          "", "memory_limit": "",
	} {
		if got := hadoopInstead(key); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}
