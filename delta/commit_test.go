package delta_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/delta/log"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/faulty"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/supervision"
)

var ctx = context.Background()

var idSchema = batch.NewSchema(batch.Field{Name: "n", Type: batch.BigIntType, Nullable: true})

// random is a seeded source of bytes that many goroutines may use.
type random struct {
	mu sync.Mutex
	r  *rand.ChaCha8
}

func newRandom(seed uint64) *random {
	return &random{r: rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})}
}

func (r *random) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.r.Read(p)
}

// options are those of a test: nothing sleeps, time stands still, names follow from the seed.
func options(seed uint64) delta.Options {
	return delta.Options{Random: newRandom(seed), Now: func() time.Time { return time.UnixMilli(1_770_000_000_000) },
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

func create(t interface{ Fatal(...any) }, s objstore.Store, o delta.CreateOptions) *delta.Table {
	if o.Schema == nil {
		o.Schema = idSchema
	}
	table, err := delta.Create(ctx, s, o, options(1))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func class(err error) string {
	var f *supervision.Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return fmt.Sprint("no failure: ", err)
}

func add(name string) log.Add { return log.Add{Path: name, Size: 1, DataChange: true} }

// livePaths counts how often each file is live.
func livePaths(t interface{ Fatal(...any) }, s objstore.Store) map[string]int {
	snapshot, err := delta.Open(s, options(99)).Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	live := map[string]int{}
	for _, a := range snapshot.Files() {
		live[a.Path]++
	}
	return live
}

// committedPaths counts how often each file is added by the commits themselves.
func committedPaths(t interface{ Fatal(...any) }, s objstore.Store) map[string]int {
	adds := map[string]int{}
	l := &log.Log{Store: s}
	versions, err := l.Versions(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range versions {
		if v.Version != int64(i) {
			t.Fatal(fmt.Sprintf("version %d stands where %d belongs", v.Version, i))
		}
		if err := l.Commit(ctx, v.Version, log.KindAdd, func(a *log.Action) error { adds[a.Add.Path]++; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return adds
}

// TestConcurrentAppends lets writers append at once through a store that loses
// requests and replies, repeats and fails. What was acknowledged is there once; what
// was refused for certain is not there; nothing is there twice.
func TestConcurrentAppends(t *testing.T) {
	fired := map[faulty.Fault]int{}
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Range(0, 1<<20).Draw(t, "seed")
		writers, commits := rapid.IntRange(1, 5).Draw(t, "writers"), rapid.IntRange(1, 6).Draw(t, "commits")
		below := memory.New(memory.Options{})
		create(t, below, delta.CreateOptions{})
		s := faulty.Wrap(below, faulty.Options{Decide: faulty.Random(seed, 3, faulty.LoseReply, faulty.LoseRequest, faulty.Repeat, faulty.Fail, faulty.Tear)})
		shared := delta.Open(s, options(seed))
		acked, refused := sync.Map{}, sync.Map{}
		var done sync.WaitGroup
		for w := range writers {
			done.Add(1)
			go func() {
				defer done.Done()
				table := shared
				if w%2 == 1 {
					table = delta.Open(s, options(seed+uint64(w)))
				}
				for c := range commits {
					name := fmt.Sprintf("w%d-c%d", w, c)
					version, err := table.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add(name)}})
					switch {
					case err == nil:
						acked.Store(name, version)
					case !errors.Is(err, objstore.ErrUnknown):
						refused.Store(name, err)
					}
				}
			}()
		}
		done.Wait()
		for f, n := range s.Fired() {
			fired[f] += n
		}
		live, all := livePaths(t, below), committedPaths(t, below)
		for name, n := range all {
			if n != 1 {
				t.Fatalf("%s was committed %d times", name, n)
			}
		}
		acked.Range(func(name, version any) bool {
			if live[name.(string)] != 1 {
				t.Fatalf("%v was acknowledged as version %v and is lost", name, version)
			}
			return true
		})
		refused.Range(func(name, err any) bool {
			if all[name.(string)] != 0 {
				t.Fatalf("%v was refused with %v and is there", name, err)
			}
			return true
		})
	})
	for _, f := range []faulty.Fault{faulty.LoseReply, faulty.LoseRequest, faulty.Repeat, faulty.Fail, faulty.Tear} {
		if fired[f] < 5 {
			t.Errorf("the fault %s fired %d times only", f, fired[f])
		}
	}
}

// TestUnknownOutcomeIsTriedAgain: after ErrUnknown the same commit may be tried
// again, also when others have committed meanwhile, and is there once.
func TestUnknownOutcomeIsTriedAgain(t *testing.T) {
	below := memory.New(memory.Options{})
	other := create(t, below, delta.CreateOptions{})
	down := true
	s := faulty.Wrap(below, faulty.Options{Decide: faulty.At(2, faulty.LoseReply), Hook: func(_ context.Context, k faulty.Kind, name string) error { // 1 is the sync before
		if k == faulty.Head && down {
			return errors.New("no answer")
		}
		return nil
	}})
	o := options(5)
	o.Sleep = func(context.Context, time.Duration) error { return context.DeadlineExceeded }
	table := delta.Open(s, o)
	head, err := table.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	mine := delta.Commit{Operation: "WRITE", Adds: []log.Add{add("mine")}, TxnID: "mine", Read: head}
	if _, err := table.Commit(ctx, mine); !errors.Is(err, objstore.ErrUnknown) || class(err) != delta.ClassOutcomeUnknown {
		t.Fatalf("error %v, want an unknown outcome", err)
	}
	if _, err := other.Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add("other")}}); err != nil {
		t.Fatal(err)
	}
	down = false
	version, err := table.Commit(ctx, mine)
	if err != nil || version != 1 {
		t.Fatalf("version %d, %v; want its own entry 1", version, err)
	}
	if got := fmt.Sprint(committedPaths(t, below)); got != "map[mine:1 other:1]" {
		t.Fatal(got)
	}
}

// TestCompareAndCommit: of contenders with the same expectation one wins, the others are fenced.
func TestCompareAndCommit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64Range(0, 1<<20).Draw(t, "seed")
		below := memory.New(memory.Options{})
		create(t, below, delta.CreateOptions{Domains: true})
		s := faulty.Wrap(below, faulty.Options{Decide: faulty.Random(seed, 4, faulty.LoseReply, faulty.LoseRequest, faulty.Repeat)})
		expected := ""
		for round := range 4 {
			var won []string
			var mu sync.Mutex
			var done sync.WaitGroup
			for i := range 4 {
				done.Add(1)
				go func() {
					defer done.Done()
					table := delta.Open(s, options(seed*100+uint64(i)))
					config := fmt.Sprintf(`{"round":%d,"by":%d}`, round, i)
					_, err := table.CompareAndCommit(ctx, "deltaic.ledger", expected, delta.Commit{Operation: "STREAMING UPDATE",
						Domains: []log.Domain{{Domain: "deltaic.ledger", Configuration: config}}, Adds: []log.Add{add(fmt.Sprintf("%d-%d", round, i))}})
					mu.Lock()
					defer mu.Unlock()
					if err == nil {
						won = append(won, config)
					} else if !errors.Is(err, delta.ErrFenced) || supervision.KindOf(err) != supervision.Fatal {
						t.Errorf("round %d: the loser's error is %v, want fenced and fatal", round, err)
					}
				}()
			}
			done.Wait()
			if len(won) != 1 {
				t.Fatalf("round %d: %d winners %v", round, len(won), won)
			}
			expected = won[0]
			head, err := delta.Open(below, options(0)).Head(ctx)
			if err != nil || head.Domains["deltaic.ledger"].Configuration != expected {
				t.Fatalf("the domain holds %v, %v; want %s", head.Domains, err, expected)
			}
		}
	})
}

// TestOwnWordsOfAnotherAttemptAreNotDone: the same configuration under another TxnID fences.
func TestOwnWordsOfAnotherAttemptAreNotDone(t *testing.T) {
	s := memory.New(memory.Options{})
	table := create(t, s, delta.CreateOptions{Domains: true})
	c := delta.Commit{Operation: "STREAMING UPDATE", Domains: []log.Domain{{Domain: "d", Configuration: "same"}}}
	if _, err := table.CompareAndCommit(ctx, "d", "", c); err != nil {
		t.Fatal(err)
	}
	if _, err := delta.Open(s, options(2)).CompareAndCommit(ctx, "d", "", c); !errors.Is(err, delta.ErrFenced) {
		t.Fatalf("error %v, want fenced", err)
	}
}

func TestConflicts(t *testing.T) {
	widened := batch.NewSchema(append(idSchema.Fields[:1:1], batch.Field{Name: "more", Type: batch.StringType, Nullable: true})...)
	replaced := batch.NewSchema(batch.Field{Name: "other", Type: batch.StringType, Nullable: true})
	for _, c := range []struct {
		name   string
		winner func(h *delta.Head) delta.Commit
		mine   delta.Commit
		want   string
	}{
		{"append", func(*delta.Head) delta.Commit { return delta.Commit{Adds: []log.Add{add("x")}} }, delta.Commit{}, ""},
		{"a column more", func(h *delta.Head) delta.Commit { return delta.Commit{Metadata: withSchema(h, widened)} }, delta.Commit{}, ""},
		{"another schema", func(h *delta.Head) delta.Commit { return delta.Commit{Metadata: withSchema(h, replaced)} }, delta.Commit{}, delta.ClassMetadataChanged},
		{"another protocol", func(*delta.Head) delta.Commit {
			return delta.Commit{Protocol: &log.Protocol{MinReader: 1, MinWriter: 7, WriterFeatures: []string{"appendOnly", "domainMetadata", "invariants"}}}
		}, delta.Commit{}, ""},
		{"same txn", func(*delta.Head) delta.Commit { return delta.Commit{Txns: []log.Txn{{AppID: "a", Version: 3}}} },
			delta.Commit{Txns: []log.Txn{{AppID: "a", Version: 4}}}, delta.ClassConcurrentTransaction},
		{"other txn", func(*delta.Head) delta.Commit { return delta.Commit{Txns: []log.Txn{{AppID: "b", Version: 3}}} },
			delta.Commit{Txns: []log.Txn{{AppID: "a", Version: 4}}}, ""},
		{"same domain", func(*delta.Head) delta.Commit {
			return delta.Commit{Domains: []log.Domain{{Domain: "d", Configuration: "1"}}}
		}, delta.Commit{Domains: []log.Domain{{Domain: "d", Configuration: "2"}}}, delta.ClassConcurrentDomain},
		{"both metadata", func(h *delta.Head) delta.Commit { return delta.Commit{Metadata: withSchema(h, widened)} },
			delta.Commit{Metadata: &log.Metadata{ID: "x", SchemaString: log.FormatSchema(widened)}}, delta.ClassMetadataChanged},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := memory.New(memory.Options{})
			table := create(t, s, delta.CreateOptions{Domains: true})
			read, err := table.Head(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w := c.winner(read)
			w.Operation = "WRITE"
			if _, err := delta.Open(s, options(2)).Commit(ctx, w); err != nil {
				t.Fatal(err)
			}
			c.mine.Operation, c.mine.Read = "WRITE", read
			if c.mine.Metadata == nil {
				c.mine.Adds = []log.Add{add("mine")}
			}
			version, err := table.Commit(ctx, c.mine)
			if c.want == "" && (err != nil || version != 2) {
				t.Fatalf("version %d, %v; want 2", version, err)
			}
			if c.want != "" && class(err) != c.want {
				t.Fatalf("error %v, want class %s", err, c.want)
			}
		})
	}
}

func withSchema(h *delta.Head, s *batch.Schema) *log.Metadata {
	m := h.Metadata
	m.SchemaString = log.FormatSchema(s)
	return &m
}

func TestUnsupportedFeaturesAreNamed(t *testing.T) {
	for _, c := range []struct{ protocol, config, want, class string }{
		{`{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["timeTravelMachine"],"writerFeatures":["timeTravelMachine"]}`, `{}`, "timeTravelMachine", log.ClassRead},
		{`{"minReaderVersion":4,"minWriterVersion":7}`, `{}`, "reader version 4", log.ClassRead},
		{`{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["icebergCompatV2"]}`, `{}`, "icebergCompatV2", log.ClassWrite},
		{`{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["icebergCompatV1"]}`, `{}`, "icebergCompatV1", log.ClassWrite},
		{`{"minReaderVersion":1,"minWriterVersion":8}`, `{}`, "writer version 8", log.ClassWrite},
	} {
		s := memory.New(memory.Options{})
		schema, _ := json.Marshal(log.FormatSchema(idSchema))
		text := fmt.Sprintf("{\"protocol\":%s}\n{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":\"parquet\",\"options\":{}},\"schemaString\":%s,\"partitionColumns\":[],\"configuration\":%s}}\n",
			c.protocol, schema, c.config)
		if err := s.PutIfAbsent(ctx, log.CommitName(0), []byte(text)); err != nil {
			t.Fatal(err)
		}
		_, err := delta.Open(s, options(1)).Commit(ctx, delta.Commit{Operation: "WRITE", Adds: []log.Add{add("a")}})
		if class(err) != c.class || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s naming %s", c.protocol, err, c.class, c.want)
		}
	}
}
