package flowfile

import "strings"

// hadoopSettings are Hadoop's settings of object stores that users of Spark bring, by the beginning of their names
// behind "spark.hadoop.", with what says the same here. Longer beginnings stand first.
var hadoopSettings = []struct{ prefix, instead string }{
	{"fs.s3a.endpoint.region", "set AWS_REGION"},
	{"fs.s3a.endpoint", "set AWS_ENDPOINT_URL"},
	{"fs.s3a.path.style.access", "a service with an endpoint of its own is asked by path, unless AWS_VIRTUAL_HOSTED_STYLE_REQUEST=true"},
	{"fs.s3a.access.key", "set AWS_ACCESS_KEY_ID"},
	{"fs.s3a.secret.key", "set AWS_SECRET_ACCESS_KEY"},
	{"fs.s3a.session.token", "set AWS_SESSION_TOKEN"},
	{"fs.s3a.", "the AWS SDK's variables and files have it (docs/OPERATING.md, Object stores)"},
	{"fs.gs.", "set GOOGLE_APPLICATION_CREDENTIALS"},
	{"google.cloud.", "set GOOGLE_APPLICATION_CREDENTIALS"},
	{"fs.azure.", "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY, or AZURE_CLIENT_ID and its like"},
}

// hadoopInstead returns what to write instead of a setting of Hadoop; "" if it is none of an object store.
func hadoopInstead(key string) string {
	key = strings.TrimPrefix(key, "spark.hadoop.")
	for _, s := range hadoopSettings {
		if strings.HasPrefix(key, s.prefix) {
			return s.instead
		}
	}
	return ""
}
