package deltaic_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/deltaic/deltaic/connectors/kafka/kafkatest"
	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/location"
	_ "github.com/deltaic/deltaic/objstore/s3"
	"github.com/deltaic/deltaic/objstore/s3/s3test"
)

// storms is a service on a bad day: one request in every so many is throttled, fails before or after the fact, or loses
// itself or its reply. It counts the commits of a table that it has seen.
type storms struct {
	mu      sync.Mutex
	random  *rand.Rand
	every   int
	commits int
	met     int
}

func (s *storms) decide(r s3test.Request) s3test.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.IfAbsent && strings.HasPrefix(r.Key, "killed/table/_delta_log/") {
		s.commits++
	}
	if s.every == 0 || s.random.IntN(s.every) > 0 {
		return s3test.None
	}
	s.met++
	faults := []s3test.Fault{s3test.LoseReply, s3test.LoseRequest, s3test.SlowDown, s3test.Fails, s3test.FailsLate, s3test.Tear}
	if r.IfAbsent {
		faults = append(faults, s3test.Conflict)
	}
	return faults[s.random.IntN(len(faults))]
}

func (s *storms) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.commits
}

// TestAFlowLivesInABucket kills the process of a flow whose table, state and ledger are in a bucket of a faulty service, and goes
// on with nothing but the bucket: each process has a machine of its own. At the end the table is the batch result.
func TestAFlowLivesInABucket(t *testing.T) {
	server, service, random := s3test.Start(t), &storms{random: rand.New(rand.NewPCG(5, 6)), every: 25}, rand.New(rand.NewPCG(7, 8))
	server.Use(t)
	server.Break(service.decide)
	broker := kafkatest.Start(t, 3, []string{"clicks"})
	root := "s3://" + s3test.Bucket + "/killed"
	run := func(round int, mode string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0])
		c.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d|%s", killedVariable, broker.Addresses()[0], root, 1+round%3, mode))
		machine := t.TempDir() // nothing of the one before
		c.Env = append(c.Env, "HOME="+machine, "XDG_CACHE_HOME="+machine, "TMPDIR="+machine)
		c.Dir = machine
		return c
	}
	var rows [][2]int64
	const kills = 3
	for round := range kills {
		var values [3][]string
		for n := range 300 {
			r := [2]int64{random.Int64N(50) * random.Int64N(4), random.Int64N(100)}
			rows = append(rows, r)
			values[n%3] = append(values[n%3], fmt.Sprintf(`{"user":%d,"amount":%d}`, r[0], r[1]))
		}
		for partition, v := range values {
			broker.Values("clicks", int32(partition), v...)
		}
		before := service.seen()
		killOnceMoved(t, round, run(round, "some"), func() bool { return service.seen() != before }, random, 0)
	}
	if out, err := run(kills, "all").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if service.met < 10 {
		t.Fatalf("only %d requests failed", service.met)
	}
	server.Break(nil)
	if got, want := rowsOf(t, root+"/table"), clickModel(rows, false); !maps.Equal(got, want) {
		t.Fatalf("the table holds\n%v\nwant\n%v", got, want)
	}
	store, err := location.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.List(t.Context(), "checkpoint/", "", func(i objstore.Info) bool {
		if strings.Contains(i.Name, "/staged/") {
			t.Errorf("staged rows that nobody needs: %s", i.Name)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d requests, %d failed", len(server.Requests()), service.met)
}
