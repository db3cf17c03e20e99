package deltaic_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/node"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// canary is what must not get out: with what JSON, URLs and shells write in another way.
const canary = `cAnAry"zQxWk&e9`

// secretPlace is a place in which a secret can be given.
type secretPlace struct {
	name    string
	options []string // by which list options knows it
	source  string   // options of the Kafka source
	decode  string   // what is done to value
	more    string   // sections of the file
	args    []string // of run
	env     string   // variable that is the canary
	runs    bool     // all of it can be used: the flow runs
	waits   bool     // it waits for somebody who is not there: how it ends is not told
}

const pem = "-----BEGIN PRIVATE KEY-----\\n" + "cAnAryzQxWkcAnAryzQxWkcAnAry7f3e9cAnAry7f3e9cAnAry7f3e9cAnAry7\\n" + "-----END PRIVATE KEY-----\\n"

var secretPlaces = []secretPlace{
	{name: "login of a source", options: []string{"kafka.sasl.jaas.config"}, runs: true, source: jaasOf("kafka.", "PLAIN", canary)},
	{name: "login of a source that is wrong", waits: true, source: jaasOf("kafka.", "PLAIN", canary+"x")},
	{name: "login by SCRAM", waits: true, source: jaasOf("kafka.", "SCRAM-SHA-256", canary)},
	{name: "login line that is none", source: `{kafka.security.protocol: SASL_PLAINTEXT, kafka.sasl.mechanism: PLAIN, kafka.sasl.jaas.config: 'Plain ` + canary + `'}`},
	{name: "login that is a list", source: `{kafka.sasl.jaas.config: ['` + canary + `']}`},
	{name: "client secret", waits: true, source: `{kafka.security.protocol: SASL_PLAINTEXT, kafka.sasl.mechanism: OAUTHBEARER, kafka.sasl.oauthbearer.token.endpoint.url: "https://127.0.0.1:1/t",
      kafka.sasl.jaas.config: 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="me" clientSecret="` + strings.ReplaceAll(canary, `"`, `\"`) + `";'}`},
	{name: "address of tokens with a user", options: []string{"kafka.sasl.oauthbearer.token.endpoint.url"}, source: `{kafka.security.protocol: SASL_PLAINTEXT, kafka.sasl.mechanism: OAUTHBEARER, kafka.sasl.oauthbearer.token.endpoint.url: 'https://u:` + canary + `@127.0.0.1:1/t',
      kafka.sasl.jaas.config: 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId="me" clientSecret="s";'}`},
	{name: "key of a certificate", options: []string{"kafka.ssl.keystore.key"}, source: `{kafka.security.protocol: SSL, kafka.ssl.keystore.type: PEM, kafka.ssl.keystore.certificate.chain: "none", kafka.ssl.keystore.key: "` + pem + `"}`},
	{name: "password of a key, which is refused", source: `{kafka.ssl.key.password: '` + canary + `'}`},
	{name: "an option that nobody knows", source: `{kafka.sasl.jaas.confg: '` + canary + `'}`},
	{name: "connection string", waits: true, options: []string{"eventhubs.connectionString"}, more: `
  hub: {format: eventhubs, options: {eventhubs.connectionString: 'Endpoint=sb://127.0.0.1:1/;SharedAccessKeyName=me;SharedAccessKey=` + canary + `;EntityPath=h'}}`},
	{name: "user of a registry", options: []string{"confluent.schema.registry.basic.auth.user.info"}, runs: true, decode: `from_avro(value, 's-value', 'REGISTRY', map('confluent.schema.registry.basic.auth.user.info', 'me:` + canary + `'))`},
	{name: "token of a registry that refuses it", options: []string{"confluent.schema.registry.bearer.auth.token"}, decode: `from_avro(value, 's-value', 'REGISTRY', map('confluent.schema.registry.bearer.auth.token', '` + canary + `'))`},
	{name: "key for a registry", options: []string{"confluent.schema.registry.ssl.keystore.key"}, decode: `from_avro(value, 's-value', 'https://127.0.0.1:1', map('confluent.schema.registry.ssl.keystore.key', '` + canary + `', 'confluent.schema.registry.ssl.keystore.certificate.chain', 'x'))`},
	{name: "expression that is wrong behind a token", decode: `from_avro(value, 's-value', 'http://127.0.0.1:1', map('confluent.schema.registry.bearer.auth.token', '` + canary + `'), 17, nothing)`},
	{name: "login of a sink", source: jaasOf("kafka.", "PLAIN", canary), runs: true, more: `
sinks:
  copy: {from: parsed, format: kafka, options: {kafka.bootstrap.servers: BROKER, topic: out, deliveryGuarantee: exactly-once, ` + strings.Trim(jaasOf("kafka.", "PLAIN", canary), "{}") + `}}`},
	{name: "address and headers of a webhook", waits: true, source: jaasOf("kafka.", "PLAIN", canary+"x"), more: `
alerts: {lag: {above: 0}, failed: true, to: {ops: {webhook: 'HOOK/` + canary + `?token=` + canary + `', headers: {Authorization: 'Bearer ` + canary + `', X-Api-Key: '` + canary + `', Cookie: 'a=` + canary + `'}}}}`},
	{name: "webhook of a scheme that is none", source: jaasOf("kafka.", "PLAIN", canary), more: `
alerts: {failed: true, to: {ops: {webhook: 'hxxp://h/` + canary + `'}}}`},
	{name: "header that is none", source: jaasOf("kafka.", "PLAIN", canary), more: `
alerts: {failed: true, to: {ops: {webhook: 'HOOK', headers: {"Authorization x": '` + canary + `'}}}}`},
	{name: "login of a topic for alerts", source: jaasOf("kafka.", "PLAIN", canary), runs: true, more: `
alerts: {lag: {above: 0}, to: {ops: {kafka: {kafka.bootstrap.servers: BROKER, topic: alerts, ` + strings.Trim(jaasOf("kafka.", "PLAIN", canary+"x"), "{}") + `}}}}`},
	{name: "a file", source: `{kafka.security.protocol: SASL_PLAINTEXT, kafka.sasl.mechanism: PLAIN, kafka.sasl.jaas.config: "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"ada\" password=\"${file:SECRET}\";"}`},
	{name: "a file as a name", source: strings.Replace(jaasOf("kafka.", "PLAIN", canary), "{", `{kafka.client.id: "${file:SECRET}", `, 1), runs: true},
	{name: "a file that an error would name", source: jaasOf("kafka.", "PLAIN", canary), more: `
sinks:
  copy: {from: parsed, format: kafka, options: {kafka.bootstrap.servers: BROKER, topic: "${file:SECRET}", ` + strings.Trim(jaasOf("kafka.", "PLAIN", canary), "{}") + `}}`},
	{name: "a variable", source: `{kafka.security.protocol: SASL_PLAINTEXT, kafka.sasl.mechanism: PLAIN, kafka.sasl.jaas.config: 'org.apache.kafka.common.security.plain.PlainLoginModule required username="ada" password="${CANARY}";'}`, env: "CANARY"},
	{name: "a flag", source: jaasOf("kafka.", "PLAIN", canary), args: []string{"--set", "sources.orders.options.kafka.sasl.jaas.config=PlainLoginModule " + canary}},
	{name: "a setting of Hadoop", source: jaasOf("kafka.", "PLAIN", canary), more: `
configuration: {spark.hadoop.fs.s3a.secret.key: '` + canary + `', fs.azure.account.key.a.dfs.core.windows.net: '` + canary + `'}`},
	{name: "key of a bucket", waits: true, env: "AWS_SECRET_ACCESS_KEY", source: jaasOf("kafka.", "PLAIN", canary), more: `
quarantine: {path: "s3://bucket/quarantine"}`},
	{name: "file that is no YAML", source: `{kafka.sasl.jaas.config: '` + canary + `', ]`},
}

// jaasOf is options that log in with a password.
func jaasOf(prefix, mechanism, password string) string {
	module := map[string]string{"PLAIN": "plain.PlainLoginModule", "SCRAM-SHA-256": "scram.ScramLoginModule"}[mechanism]
	return fmt.Sprintf(`{%ssecurity.protocol: SASL_PLAINTEXT, %ssasl.mechanism: %s, %ssasl.jaas.config: 'org.apache.kafka.common.security.%s required username="ada" password="%s";'}`,
		prefix, prefix, mechanism, prefix, module, strings.ReplaceAll(password, `"`, `\"`))
}

// file is the flow file of the place.
func (p secretPlace) file(dir, broker, hook, registry string) string {
	options := "{kafka.bootstrap.servers: BROKER, subscribe: orders, startingOffsets: earliest, "
	if p.source == "" {
		options += strings.TrimPrefix(jaasOf("kafka.", "PLAIN", canary), "{")
	} else {
		options += strings.TrimPrefix(p.source, "{")
	}
	decode := p.decode
	if decode == "" {
		decode = "from_json(CAST(value AS STRING), 'n BIGINT')"
	}
	sources, sections := "", p.more
	if strings.HasPrefix(p.more, "\n  hub:") {
		sources, sections = p.more, ""
	}
	text := "name: canary\ncheckpointLocation: DIR/state\ntrigger: {availableNow: true}\nsources:\n  orders: {format: kafka, options: " + options + "}" + sources +
		"\nsteps:\n  parsed: {from: orders, do: [{select: [\"CAST(value AS STRING) AS value\"]}]}\n  rows:\n    from: orders\n    do:\n      - select: [\"" + strings.ReplaceAll(decode, `"`, `\"`) + " AS o\"]\n"
	if sources != "" {
		text += "  hubbed: {from: hub, do: [{select: [\"body\"]}]}\n"
	}
	if !strings.Contains(sections, "sinks:") {
		text += "sinks:\n"
	} else {
		text += strings.TrimPrefix(sections, "\n") + "\n"
		sections = ""
	}
	text += "  out: {from: rows, format: delta, path: DIR/out}\n"
	if sources != "" {
		text += "  hubbed: {from: hubbed, format: noop}\n"
	}
	if !strings.Contains(sections, "quarantine:") {
		text += "quarantine: {path: DIR/quarantine}"
	}
	return strings.NewReplacer("DIR", dir, "BROKER", broker, "HOOK", hook, "REGISTRY", registry, "SECRET", filepath.Join(dir, "secret")).Replace(text + sections + "\n")
}

// canaryForms are what is looked for.
func canaryForms() []string {
	return []string{"cAnAry", "zQxWk"} // the halves, which every way of writing it leaves whole
}

// TestNoSecretGetsOut plants a canary in every place where a secret can be given, checks the flow, plans it, runs it with everything that is
// said and served while it runs, and looks at what it left: it is nowhere in what was said, served or written.
func TestNoSecretGetsOut(t *testing.T) {
	broker := kafkatest.Start(t, 1, []string{"orders", "out", "alerts"}, kfake.EnableSASL(), kfake.Superuser("PLAIN", "ada", canary), kfake.Superuser("SCRAM-SHA-256", "eve", "other"))
	client := broker.Client(kgo.SASL(plain.Auth{User: "ada", Pass: canary}.AsMechanism()))
	kafkatest.Produce(t, client, &kgo.Record{Topic: "orders", Value: []byte(`{"n":1}`)}, &kgo.Record{Topic: "orders", Value: []byte(`{"n":`)})
	var posted sync.Map
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		posted.Store(q.URL.Path, true)
		w.WriteHeader(whole(http.StatusForbidden, http.StatusInternalServerError))
	}))
	defer hook.Close()
	registry := srfake.New(srfake.WithAuth("Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+canary))))
	defer registry.Close()
	registry.SeedSchema("s-value", 1, 101, sr.Schema{Schema: orderV1})
	t.Setenv("AWS_ACCESS_KEY_ID", "me")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "x")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for _, p := range secretPlaces {
		t.Run(p.name, func(t *testing.T) {
			if p.env != "" {
				t.Setenv(p.env, canary)
			}
			home := t.TempDir()
			dir, file := filepath.Join(home, "d"), filepath.Join(home, "flow.yaml")
			must(t, os.Mkdir(dir, 0o755))
			must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(canary+"\n"), 0o600))
			must(t, os.WriteFile(file, []byte(p.file(dir, broker.Addresses()[0], hook.URL, registry.URL())), 0o600))
			said := map[string]string{}
			say := func(args ...string) int {
				var out, failed bytes.Buffer
				env := deltaic.Env()
				env.Stdout, env.Stderr = &out, &failed
				code := node.Main(t.Context(), args, env)
				said[strings.Join(args, " ")+fmt.Sprint(len(said))] = out.String() + failed.String()
				return code
			}
			set := p.args
			say(append([]string{"check", file, "--json"}, set...)...)
			say("plan", file)
			if p.env == "AWS_SECRET_ACCESS_KEY" && whole(0, 1) == 0 {
				return // a bucket that is away is waited for longer than a test may take
			}
			ran := say(append([]string{"run", file, "--json", "--log-level", "debug", "--log-format", "json", "--duration", "500ms", "--progress", filepath.Join(dir, "progress.jsonl"), "--listen", "off"}, set...)...)
			if (ran == 0) != p.runs && !p.waits {
				t.Errorf("run ended with %d: %v", ran, said)
			}
			if p.runs {
				serve(t, said, append([]string{"run", file, "--trigger", "processingTime=10 ms", "--log-level", "debug"}, set...), dir)
				for _, args := range [][]string{{"quarantine", "list", dir + "/quarantine"}, {"epochs", dir + "/state"}, {"state", "list", dir + "/state"}, {"fsck", dir + "/state"},
					{"table", "history", dir + "/quarantine"}, {"table", "describe", dir + "/out"}} {
					say(append(args, "--json")...)
				}
			}
			for what, text := range said {
				what, _, _ = strings.Cut(what, canary)
				for _, form := range canaryForms() {
					if at := strings.Index(text, form); at >= 0 {
						t.Errorf("%s says it: %q", what, text[max(at-200, 0):min(at+60, len(text))])
						break
					}
				}
			}
			must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() || d.Name() == "secret" {
					return err
				}
				data, err := os.ReadFile(path)
				for _, form := range canaryForms() {
					if bytes.Contains(data, []byte(form)) {
						t.Errorf("it is written to %s", strings.TrimPrefix(path, dir))
					}
				}
				return err
			}))
		})
	}
	if _, told := posted.Load("/" + canary); !told && !t.Failed() {
		t.Error("the webhook was never asked: nothing is shown of it")
	}
}

// serve runs the flow until all that it serves has been read.
func serve(t *testing.T, said map[string]string, args []string, dir string) {
	t.Helper()
	out := &killedCommandOutput{}
	env := deltaic.Env()
	env.Stdout, env.Stderr = out, out
	ended := make(chan int, 1)
	_ = os.Remove(dir + "/state/listen")
	go func() { ended <- node.Main(t.Context(), args, env) }()
	var address string
	for deadline := time.Now().Add(20 * time.Second); address == ""; <-time.After(5 * time.Millisecond) {
		b, _ := os.ReadFile(dir + "/state/listen")
		address = strings.TrimSpace(string(b))
		if time.Now().After(deadline) {
			t.Fatal("it does not listen: ", out.text())
		}
	}
	if !strings.HasPrefix(address, "http") {
		address = "http://" + address
	}
	for _, path := range []string{"/metrics", "/livez", "/readyz", "/api/v1/streams", "/api/v1/streams/canary/progress", "/api/v1/streams/canary/status", "/api/v1/streams/canary/explain"} {
		answer, err := http.Get(address + path)
		must(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(answer.Body)
		must(t, err)
		answer.Body.Close()
		said[path] = b.String()
		if answer.StatusCode == http.StatusNotFound && path != "/api/v1/streams" {
			t.Errorf("%s is not there", path)
		}
	}
	r, err := http.Post(address+"/api/v1/streams/canary/stop", "", nil)
	must(t, err)
	r.Body.Close()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatal("it does not stop: ", out.text())
	}
	said["run"] = out.text()
}

// harmless are options whose names sound of secrets, and why their values are none.
var harmless = map[string]string{
	"kafka.sasl.mechanism": "a word", "kafka.sasl.login.callback.handler.class": "a class", "kafka.ssl.keystore.type": "a word", "kafka.ssl.keystore.certificate.chain": "certificates are public",
	"kafka.ssl.truststore.certificates": "certificates are public", "kafka.ssl.truststore.type": "a word",
	"confluent.schema.registry.basic.auth.credentials.source": "a word", "confluent.schema.registry.bearer.auth.credentials.source": "a word", "confluent.schema.registry.ssl.keystore.type": "a word",
	"confluent.schema.registry.ssl.keystore.certificate.chain": "certificates are public", "confluent.schema.registry.ssl.truststore.certificates": "certificates are public",
	"confluent.schema.registry.ssl.truststore.type": "a word", "actorPerKeyGroup": "true or false", "keyGroups": "a number",
}

// TestEverySecretOptionIsKnown: an option that sounds of a secret has its canary in TestNoSecretGetsOut, or is said to be harmless.
func TestEverySecretOptionIsKnown(t *testing.T) {
	var planted []string
	for _, p := range secretPlaces {
		planted = append(planted, p.options...)
	}
	var out bytes.Buffer
	env := deltaic.Env()
	env.Stdout = &out
	if code := node.Main(t.Context(), []string{"list", "options", "--format", "json"}, env); code != 0 {
		t.Fatal(code)
	}
	var options []struct{ Name string }
	must(t, json.Unmarshal(out.Bytes(), &options))
	sounds := regexp.MustCompile(`(?i)passw|secret|token|key|jaas|credential|auth|connectionstring|sasl|ssl.*(store|cert)|user\.info`)
	seen := map[string]bool{}
	for _, o := range options {
		seen[o.Name] = true
		if sounds.MatchString(o.Name) && !slices.Contains(planted, o.Name) && harmless[o.Name] == "" {
			t.Errorf("%s sounds of a secret: give it a place in secretPlaces, or say why it is harmless", o.Name)
		}
	}
	for _, name := range planted {
		if !seen[name] {
			t.Errorf("there is no option %s", name)
		}
	}
}
