package lint

import (
	"fmt"
	"strings"
	"testing"
)

// library says where a module from outside may be named.
type library struct {
	prefix string
	places []string // folders with what lies below them, or files; "*_actor.go" in a folder is a pattern
	reason string
}

// libraries is the list of what the house stands on. Test files may import
// anything that is on it; what is not on it needs a row and a reason first.
var libraries = []library{
	{"github.com/asynkron/protoactor-go", []string{"actors/*_actor.go", "actors/start.go"}, "an actor is a pure task and a thin shell; only shells, mailbox, dispatcher and the start of the system know the library"},
	{"github.com/twmb/franz-go/pkg/kfake", []string{"connectors/kafka/kafkatest", "node/demo", "benchmarks"}, "the embedded broker is for tests, the demo and benchmarks"},
	{"github.com/twmb/franz-go/pkg/sr/srfake", nil, "the registry in the process of a test"},
	{"github.com/twmb/franz-go/pkg/sr", []string{"formats/registry/client"}, "one package asks schema registries"},
	{"github.com/twmb/franz-go", []string{"connectors/kafka", "node/demo", "node/demo_run.go", "benchmarks"}, "one room speaks Kafka; the demo and the generator feed it"},
	{"github.com/cockroachdb/pebble/v2/vfs", []string{"objstore/local", "persistence"}, "the file system that can fail, tear and crash"},
	{"github.com/cockroachdb/pebble", []string{"persistence", "benchmarks/state"}, "state below memory, and the anchor of what that costs by points"},
	{"github.com/aws", []string{"objstore/s3"}, "one leaf speaks S3"},
	{"github.com/Azure", []string{"objstore/azure"}, "Azure's identities; its library for blobs brings Arrow along"},
	{"golang.org/x/oauth2", []string{"objstore/gcs"}, "Google's credentials; the JSON API needs no more, and its SDK adds 30 MB"},
	{"github.com/johannesboyne/gofakes3", []string{"objstore/s3/s3test"}, "S3 in the process of a test"},
	{"github.com/parquet-go/parquet-go", []string{"formats/parquet", "internal/oracle"}, "one room writes Parquet; the oracle must not read with its code"},
	{"github.com/twmb/avro", []string{"formats/avro"}, "the JSON of Avro schemas; records are decoded straight into columns"},
	{"google.golang.org/protobuf", []string{"formats/protobuf"}, "Protobuf's descriptors and wire; records are decoded straight into columns"},
	{"github.com/bufbuild/protocompile", []string{"formats/protobuf"}, "the text of .proto files, as schema registries have it"},
	{"github.com/RoaringBitmap/roaring", []string{"delta", "internal/oracle"}, "deletion vectors; the oracle must not read them with the code that wrote them"},
	{"go.uber.org/zap", []string{"", "node", "cmd", "benchmarks", "actors", "connectors", "delta", "persistence"}, "only rooms that do I/O or run may log, with the *zap.Logger they were handed"},
	{"github.com/spf13/cobra", []string{"node", "cmd", "benchmarks"}, "the command line; the bench commands live with the benchmarks"},
	{"github.com/spf13/pflag", []string{"node", "cmd"}, "the command line"},
	{"github.com/prometheus", []string{"node"}, "one room serves metrics"},
	{"github.com/goccy/go-yaml", []string{"node/flowfile"}, "one package reads YAML"},
	{"github.com/KimMachineGun/automemlimit", []string{"node", "cmd"}, "the process knows its memory limit, a library does not"},
	{"github.com/mattn/go-isatty", []string{"node"}, "what is printed for people"},
	{"github.com/dustin/go-humanize", []string{"node", "benchmarks"}, "what is printed for people"},
	{"github.com/google/uuid", []string{"", "delta", "node", "benchmarks"}, "identities; pure rooms are handed theirs"},
	{"github.com/cenkalti/backoff", []string{"connectors", "node"}, "retries outside the engine; inside, supervision decides"},
	{"github.com/cespare/xxhash", []string{"batch", "persistence", "benchmarks"}, "digests and key hashes"},
	{"github.com/klauspost/compress", []string{"formats", "connectors/kafka", "persistence", "delta/log"}, "codecs; lists of files in memory"},
	{"github.com/andybalholm/brotli", []string{"formats/parquet"}, "codec"},
	{"github.com/pierrec/lz4", []string{"formats/parquet"}, "codec"},
	{"golang.org/x/net/http/httpguts", []string{"node/alerts"}, "which names and values a header may have"},
	{"golang.org/x/net/netutil", []string{"node/api"}, "how many connections are open"},
	{"golang.org/x/sync/errgroup", []string{"delta", "persistence", "objstore", "connectors", "node", "benchmarks"}, "goroutines joined before the call returns"},
	{"golang.org/x/sys", []string{"objstore/local", "node", "benchmarks/measure"}, "what the operating system alone knows"},
	{"pgregory.net/rapid", []string{"batch/batchtest", "objstore/storetest", "connectors/connectortest", "operators/operatortest"}, "properties, in tests and kits"},
	{"go.uber.org/goleak", nil, "tests"},
	{"github.com/google/go-cmp", nil, "tests"},
	{"github.com/rogpeppe/go-internal", nil, "tests"},
}

// external says that an import comes from another module: its first element has a dot.
func external(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	_, ours := inModule(name)
	return strings.Contains(first, ".") && !ours
}

// ruleLibraries: a library stays in its rooms. internal may use any that is listed.
func ruleLibraries(t tree) []finding {
	var found []finding
	for _, s := range t.goFiles() {
		for name, line := range s.imports() {
			if !external(name) {
				continue
			}
			lib, known := libraryOf(name)
			if !known {
				found = append(found, finding{rule: "libraries", path: s.path, line: line, text: fmt.Sprintf("%s is on no list; give it a row with its rooms and the reason in libraries_test.go", name)})
				continue
			}
			if !s.test() && !lib.allows(s) {
				found = append(found, finding{rule: "libraries", path: s.path, line: line, text: fmt.Sprintf("%s belongs to %q: %s", name, lib.places, lib.reason)})
			}
		}
	}
	return found
}

// libraryOf returns the first row whose prefix fits, so longer prefixes stand first.
func libraryOf(name string) (library, bool) {
	for _, lib := range libraries {
		if name == lib.prefix || strings.HasPrefix(name, lib.prefix+"/") {
			return lib, true
		}
	}
	return library{}, false
}

func (l library) allows(s *source) bool {
	if strings.HasPrefix(s.path, "internal/") && s.dir() != "internal/oracle" {
		return true
	}
	for _, place := range l.places {
		dir, suffix, pattern := strings.Cut(place, "/*")
		switch {
		case pattern && s.dir() == dir && strings.HasSuffix(s.path, suffix):
			return true
		case place == s.path, place == s.dir():
			return true
		case place != "" && strings.HasPrefix(s.dir(), place+"/"):
			return true
		}
	}
	return false
}

func TestLibrariesStayInTheirRooms(t *testing.T) { hold(t, "libraries", ruleLibraries) }
