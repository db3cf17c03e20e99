package ingest

import (
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/benchmarks/anchors"
	"github.com/deltaic/deltaic/benchmarks/nexmark"
	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/epochs"
)

// The quick count and encoding/json agree on every bid.
func TestQuickCountIsRight(t *testing.T) {
	var quick, slow expectation
	_, err := nexmark.Generate(nexmark.Options{Events: 5000, Seed: 7}, func(_ int, record []byte) error {
		if err := quick.add(record); err != nil {
			return err
		}
		if !strings.Contains(string(record), `"bid":{`) {
			return nil
		}
		blank := strings.Replace(string(record), `{"event_type"`, `{ "event_type"`, 1) // not as the generator writes it
		return slow.add([]byte(blank))
	})
	if err != nil {
		t.Fatal(err)
	}
	if quick.Sums != slow.Sums || quick.Rows != 4600 {
		t.Errorf("%+v and %+v", quick.Sums, slow.Sums)
	}
}

// bids writes a table of the bids of a run as a flow would, without those that keep refuses.
func bids(t *testing.T, path string, o nexmark.Options, position string, keep func(row int) bool) {
	t.Helper()
	sink := delta.SinkAt(path, delta.SinkOptions{})
	ledger, err := sink.Ledger(t.Context(), "ingest")
	if err != nil {
		t.Fatal(err)
	}
	d, typ := decoder(t)
	raw := batch.NewBuilder(batch.BinaryType, nil)
	if _, err := nexmark.Generate(o, func(_ int, r []byte) error { raw.Bytes(r); return nil }); err != nil {
		t.Fatal(err)
	}
	b := decode(d, typ, nil, raw.Finish())
	var sel []int32
	for i, r := range b.Sel {
		if keep(i) {
			sel = append(sel, r)
		}
	}
	b.Sel = sel
	if err := sink.Bind(t.Context(), b.Schema, connectors.Append); err != nil {
		t.Fatal(err)
	}
	claim := epochs.Claim(nil, "ingest", "i", nil)
	if _, err := ledger.Swap(t.Context(), "", claim.Encode(), nil); err != nil {
		t.Fatal(err)
	}
	w, err := sink.Writer(t.Context(), connectors.Share{Flow: "ingest", Incarnation: "i", Attempt: 1, Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	if err := w.Write(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	sealed, err := w.Seal(1)
	if err != nil {
		t.Fatal(err)
	}
	p, err := sealed.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m := &epochs.Manifest{Format: epochs.Format, Flow: "ingest", Incarnation: "i", Attempt: 1, Epoch: 1,
		Positions: map[string]connectors.Positions{"events": {"t/0": connectors.Position(position)}}}
	_, err = ledger.Swap(t.Context(), claim.Encode(), epochs.Decide(claim, m, nil).Encode(),
		&connectors.Commit{Flow: "ingest", Incarnation: "i", Epoch: 1, Attempt: 1, Prepared: []connectors.Prepared{p}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	o := nexmark.Options{Events: 500, Seed: 1}
	e, err := fromGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		position string
		keep     func(int) bool
		fault    string
	}{
		"right":                {"500", func(int) bool { return true }, ""},
		"a row is missing":     {"500", func(row int) bool { return row != 17 }, "should hold"},
		"a position is behind": {"499", func(int) bool { return true }, "read up to 499"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			bids(t, path, o, c.position, c.keep)
			f, err := look(t.Context(), path, e, "oracle")
			if err != nil {
				t.Fatal(err)
			}
			if all := strings.Join(f.faults, "; "); (c.fault == "") != (all == "") || !strings.Contains(all, c.fault) {
				t.Errorf("faults: %q, want %q", all, c.fault)
			}
			if c.fault == "" && f.Sums == (anchors.Sums{}) {
				t.Error("nothing was read")
			}
		})
	}
}
