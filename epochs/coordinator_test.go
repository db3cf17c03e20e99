package epochs

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/deltaic/deltaic/connectors"
	"pgregory.net/rapid"
)

func shape(tasks int, sinks ...string) Shape {
	s := Shape{Flow: "f", Incarnation: "i", Attempt: 1, KeyGroups: 4, Sinks: sinks, Start: map[string]connectors.Positions{"in": {"t/0": "0", "t/1": "5"}}}
	for i := range tasks {
		s.Tasks = append(s.Tasks, TaskID(i))
	}
	return s
}

func ack(task TaskID, epoch int64) Ack { return Ack{Task: task, Epoch: epoch} }

// An epoch's story: barrier, acks, decision, commits, done.
func TestAnEpochFromBarrierToDone(t *testing.T) {
	c := NewCoordinator(shape(3, "a", "b"))
	if got := c.Close(77).Barrier; got != 1 {
		t.Fatalf("the first barrier is of epoch %d", got)
	}
	source := ack(0, 1)
	source.Source, source.Split, source.Position = "in", "t/0", "9"
	a, b := ack(1, 1), ack(2, 1)
	a.Sink, a.Prepared = "a", &connectors.Prepared{Rows: 2, Data: []byte(`["x"]`)}
	b.Sink = "b" // was given no rows
	for _, k := range []Ack{b, source} {
		if act, err := c.Ack(k); err != nil || act.Decision != nil {
			t.Fatalf("%+v %v before the last ack", act, err)
		}
	}
	act, err := c.Ack(a)
	if err != nil || act.Decision == nil {
		t.Fatalf("no decision after the last ack: %v", err)
	}
	m := act.Decision.Manifest
	if m.Epoch != 1 || m.Time != 77 || m.Positions["in"]["t/0"] != "9" || m.Positions["in"]["t/1"] != "5" {
		t.Fatalf("%+v", m)
	}
	if len(m.Sinks["a"].Prepared) != 1 || len(m.Sinks["b"].Prepared) != 0 || m.Sinks["a"].Version != -1 {
		t.Fatalf("%+v", m.Sinks)
	}
	act = c.Decided(1, connectors.Committed{Version: 3})
	if len(act.Commits) != 1 || act.Commits[0].Sink != "a" || act.Done != 0 {
		t.Fatalf("%+v", act)
	}
	act = c.Committed(1, "a", connectors.Committed{Version: 8})
	if act.Done != 1 || len(act.Acks) != 3 || !c.Idle() {
		t.Fatalf("%+v", act)
	}
	c.Close(78)
	for task := range TaskID(3) {
		act, _ = c.Ack(ack(task, 2))
	}
	if v := act.Decision.Manifest.Sinks["a"].Version; v != 8 {
		t.Fatalf("the second manifest says that version %d holds the first epoch", v)
	}
}

func TestAcksOutOfTurnAreErrors(t *testing.T) {
	c := NewCoordinator(shape(2, "a"))
	if _, err := c.Ack(ack(0, 1)); err == nil {
		t.Fatal("an ack before the barrier")
	}
	c.Close(0)
	if _, err := c.Ack(ack(0, 2)); err == nil {
		t.Fatal("an ack of a later epoch")
	}
	if _, err := c.Ack(ack(0, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ack(ack(0, 1)); err == nil {
		t.Fatal("a second ack of one task")
	}
}

// Whatever the order of events: epochs are decided in order, e+1 never before e
// is done, each once, and positions never go back.
func TestDecisionsAreInOrderWhateverTheOrderOfEvents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		tasks := rapid.IntRange(1, 4).Draw(r, "tasks")
		sinks := []string{"a", "b"}[:rapid.IntRange(1, 2).Draw(r, "sinks")]
		s := shape(tasks, sinks...)
		if rapid.Bool().Draw(r, "in table") {
			s.LedgerSink = "a"
		}
		c := NewCoordinator(s)
		var closing, deciding, current, done int64
		left := map[TaskID]bool{}
		commits := map[string]bool{}
		take := func(a Actions) {
			if a.Done > 0 {
				if a.Done != done+1 || current != a.Done || len(commits) > 0 {
					r.Fatalf("epoch %d done after %d with %v to commit", a.Done, done, commits)
				}
				done, current = a.Done, 0
			}
			if a.Decision != nil {
				if deciding != 0 || current != 0 || a.Decision.Manifest.Epoch != done+1 || len(left) > 0 {
					r.Fatalf("epoch %d asked to be decided after %d, deciding %d, committing %d", a.Decision.Manifest.Epoch, done, deciding, current)
				}
				if (a.Decision.Ledger != nil) != (s.LedgerSink != "") {
					r.Fatal("the ledger's own commit")
				}
				deciding, closing = a.Decision.Manifest.Epoch, 0
			}
			for _, k := range a.Commits {
				if k.Sink == s.LedgerSink || k.Commit.Epoch != current {
					r.Fatalf("commit of %s, epoch %d", k.Sink, k.Commit.Epoch)
				}
				commits[k.Sink] = true
			}
		}
		for range rapid.IntRange(10, 200).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "event") {
			case 0:
				if c.CanClose() {
					a := c.Close(0)
					closing = a.Barrier
					for _, k := range s.Tasks {
						left[k] = true
					}
					take(a)
				}
			case 1:
				if len(left) > 0 {
					task := rapid.SampledFrom(slices.Sorted(maps.Keys(left))).Draw(r, "task")
					delete(left, task)
					k := ack(task, closing)
					k.Source, k.Split, k.Position = "in", "t/0", connectors.Position(fmt.Sprint(closing))
					k.Sink, k.Prepared = sinks[int(task)%len(sinks)], &connectors.Prepared{Rows: 1, Data: []byte("[]")}
					a, err := c.Ack(k)
					if err != nil {
						r.Fatal(err)
					}
					take(a)
				}
			case 2:
				if deciding != 0 {
					current, deciding = deciding, 0
					take(c.Decided(current, connectors.Committed{Version: current}))
				}
			case 3:
				if len(commits) > 0 {
					sink := rapid.SampledFrom(slices.Sorted(maps.Keys(commits))).Draw(r, "sink")
					delete(commits, sink)
					take(c.Committed(current, sink, connectors.Committed{Version: current}))
				}
			}
		}
	})
}

func TestEntriesSurviveEncodingAndNewerFormatsAreRefused(t *testing.T) {
	first := Claim(nil, "f", "inc", nil)
	m := &Manifest{Format: Format, Flow: "f", Incarnation: "inc", Attempt: 1, Epoch: 1, Positions: map[string]connectors.Positions{"in": {"t/0": "9"}}}
	decided := Decide(first, m, nil)
	back, err := DecodeEntry(decided.Encode(), "f", "here")
	if err != nil || back.Encode() != decided.Encode() {
		t.Fatalf("%v: %s", err, back.Encode())
	}
	next := Claim(back, "f", "other", nil)
	if next.Attempt != 2 || next.Incarnation != "inc" || next.Epoch != 1 || next.Manifest == nil || next.Kind != KindClaim {
		t.Fatalf("a claim must carry forward what is decided: %+v", next)
	}
	if _, err := DecodeEntry(`{"format":2,"flow":"f"}`, "f", "here"); err == nil {
		t.Fatal("a newer entry was read")
	}
	if _, err := DecodeEntry(decided.Encode(), "g", "here"); err == nil {
		t.Fatal("another flow's entry was read")
	}
	if _, err := DecodeManifest([]byte(`{"format":2}`), "here"); err == nil {
		t.Fatal("a newer manifest was read")
	}
	if _, err := DecodeManifest([]byte(`{`), "here"); err == nil {
		t.Fatal("half a manifest was read")
	}
}

// A split that its source does not return any more is over: its position goes, so its name can mean something else later. A source that
// is not read keeps what it had.
func TestPositionsOfSplitsThatAreOverGo(t *testing.T) {
	s := shape(1)
	s.Previous = &Manifest{Epoch: 3, Positions: map[string]connectors.Positions{"in": {"t/0": "7", "t/2": "9"}, "off": {"x": "1"}}}
	c := NewCoordinator(s)
	c.Close(0)
	act, err := c.Ack(Ack{Task: 0, Epoch: 4})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]connectors.Positions{"in": {"t/0": "7", "t/1": "5"}, "off": {"x": "1"}}
	if got := act.Decision.Manifest.Positions; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the manifest has the positions %v, want %v", got, want)
	}
	if len(s.Previous.Positions["in"]) != 2 {
		t.Fatal("the manifest before was changed")
	}
}
