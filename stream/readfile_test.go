package stream_test

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/deltaic/deltaic/connectors/rate"
	"github.com/deltaic/deltaic/stream"
)

// TestDescriptorFile: a flow reads the file of descriptors that an expression names while it is said.
func TestDescriptorFile(t *testing.T) {
	const set = "0A300A017222230A0752656164696E67120A0A026964180120012805120C0A04756E6974180220012809620670726F746F33"
	bytes, err := hex.DecodeString(set)
	if err != nil {
		t.Fatal(err)
	}
	file := t.TempDir() + "/reading.desc"
	if err := os.WriteFile(file, bytes, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{file: "struct<id:int,unit:string>", file + "x": ""} {
		flow := stream.New("described")
		ticks, err := rate.New(rate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		frame := flow.From("ticks", ticks).Select("from_protobuf(X'0807', 'Reading', '" + path + "') AS r")
		if want != "" {
			if got := frame.Schema().Fields[0].Type.String(); got != want {
				t.Errorf("%s is %s", path, got)
			}
			continue
		}
		if _, err := flow.Build(); err == nil || !strings.Contains(err.Error(), "PROTOBUF_DESCRIPTOR_FILE_NOT_FOUND") {
			t.Errorf("%v", err)
		}
	}
}
