package interop

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore"
	_ "github.com/deltaic/deltaic/objstore/azure"
	_ "github.com/deltaic/deltaic/objstore/gcs"
	"github.com/deltaic/deltaic/objstore/location"
	_ "github.com/deltaic/deltaic/objstore/s3"
	"github.com/deltaic/deltaic/objstore/storetest"
)

// cloud is a service that runs as a process of its own on this machine.
type cloud struct {
	root  string            // of an empty bucket
	rust  map[string]string // what delta-rs needs besides the environment; nil: it cannot speak to this server
	makes func(t *testing.T) cloud
}

var clouds = map[string]cloud{"s3": {makes: versity}, "gcs": {makes: fakeGCS}, "azure": {makes: azurite}}

// tools returns the folder that servers are installed in, once.
func tools(t *testing.T) string {
	t.Helper()
	kit(t)
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "deltaic-interop", "servers")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// install returns the path of a program in the folder of tools, and lets the command put it there if it is not.
func install(t *testing.T, path string, command ...string) string {
	t.Helper()
	dir := tools(t)
	path = filepath.Join(dir, path)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", command, err, tail(out))
	}
	return path
}

// freeAddress returns one on the loopback that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// serve runs a server until the test ends, and waits until it listens.
func serve(t *testing.T, address string, env []string, program string, args ...string) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Env, c.Dir = append(os.Environ(), env...), t.TempDir()
	log, err := os.Create(filepath.Join(c.Dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		_ = log.Close()
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not listen at %s: %s", program, address, tail(text))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// versity is an S3 server that checks signatures and conditions.
func versity(t *testing.T) cloud {
	program := install(t, "versitygw", "go", "install", "github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.Mkdir(filepath.Join(dir, "lake"), 0o755); err != nil {
		t.Fatal(err)
	}
	serve(t, address, []string{"ROOT_ACCESS_KEY=an-id", "ROOT_SECRET_KEY=a-secret"}, program, "--port", address, "--quiet", "posix", dir)
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": "http://" + address, "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret", "AWS_REGION": "us-east-1"} {
		t.Setenv(name, value)
	}
	return cloud{root: "s3://lake", rust: map[string]string{"aws_allow_http": "true"}}
}

// fakeGCS is Google's JSON API.
func fakeGCS(t *testing.T) cloud {
	program := install(t, "fake-gcs-server", "go", "install", "github.com/fsouza/fake-gcs-server@v1.56.1")
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	serve(t, address, nil, program, "-scheme", "http", "-host", host, "-port", port, "-backend", "memory", "-external-url", "http://"+address, "-log-level", "error")
	t.Setenv("STORAGE_EMULATOR_HOST", "http://"+address)
	a, err := http.Post("http://"+address+"/storage/v1/b?project=p", "application/json", strings.NewReader(`{"name":"lake"}`))
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", a, err)
	}
	a.Body.Close()
	return cloud{root: "gs://lake"} // delta-rs lists by the XML API, which this server does not have
}

// azurite is Azure's emulator.
func azurite(t *testing.T) cloud {
	program := install(t, "azurite/node_modules/.bin/azurite-blob", "npm", "install", "--silent", "--prefix", "azurite", "azurite")
	address := freeAddress(t)
	host, port, _ := net.SplitHostPort(address)
	serve(t, address, nil, program, "--silent", "--inMemoryPersistence", "--skipApiVersionCheck", "--blobHost", host, "--blobPort", port, "--disableTelemetry")
	t.Setenv("AZURE_STORAGE_USE_EMULATOR", "true")
	t.Setenv("AZURITE_BLOB_STORAGE_URL", "http://"+address)
	date, key := time.Now().UTC().Format(http.TimeFormat), "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	secret, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "PUT%sx-ms-date:%s\nx-ms-version:2024-11-04\n/devstoreaccount1/devstoreaccount1/lake\nrestype:container", strings.Repeat("\n", 12), date)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+address+"/devstoreaccount1/lake?restype=container", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("x-ms-date", date)
	r.Header.Set("x-ms-version", "2024-11-04")
	r.Header.Set("Authorization", "SharedKey devstoreaccount1:"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	made, err := http.DefaultClient.Do(r)
	if err != nil || made.StatusCode != http.StatusCreated {
		t.Fatalf("%v, %v", made, err)
	}
	made.Body.Close()
	return cloud{root: "az://lake", rust: map[string]string{"azure_storage_use_emulator": "true"}}
}

// TestStoresInClouds runs the kit of stores against real servers.
func TestStoresInClouds(t *testing.T) {
	for name, c := range clouds {
		t.Run(name, func(t *testing.T) {
			c, n := c.makes(t), 0
			storetest.Run(t, func() objstore.Store {
				n++
				s, err := location.Open(location.Join(c.root, "stores", strconv.Itoa(n)))
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
			t.Run("Large", func(t *testing.T) { large(t, location.Join(c.root, "large")) })
		})
	}
}

// large writes, reads and sweeps objects that are uploaded in parts.
func large(t *testing.T, root string) {
	s, err := location.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	data := make([]byte, 20<<20+12345)
	for i := range data {
		data[i] = byte(i * 31 / 997)
	}
	begin := func(name string) objstore.Writer {
		w, err := s.Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		return w
	}
	left := begin("left")
	winner, loser := begin("a"), begin("a")
	if err := winner.Close(); err != nil {
		t.Fatal(err)
	}
	if err := loser.Close(); !errors.Is(err, objstore.ErrExists) {
		t.Fatalf("the second object of a name: %v", err)
	}
	if got, err := s.Get(t.Context(), "a", 0); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	r, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := make([]byte, 70_000)
	for _, at := range []int{0, 1 << 20, len(data) - 70_000, len(data) - 10} {
		if n, err := r.ReadAt(p, int64(at)); err != nil && err != io.EOF || !bytes.Equal(p[:n], data[at:at+n]) {
			t.Fatalf("at %d: %d bytes, %v", at, n, err)
		}
	}
	if err := objstore.Sweep(t.Context(), s, "", func(string) bool { return true }); err != nil {
		t.Fatal(err)
	}
	if err := left.Abort(); err != nil {
		t.Fatal(err)
	}
	var names []string
	if err := s.List(t.Context(), "", "", func(i objstore.Info) bool { names = append(names, i.Name); return true }); err != nil || fmt.Sprint(names) != "[a]" {
		t.Fatalf("%v, %v", names, err)
	}
}

const cloudWriter = `
import json, os, sys, pyarrow as pa
from deltalake import write_deltalake, CommitProperties
for n in range(int(sys.argv[3])):
    t = pa.table({'writer': pa.array([sys.argv[2]] * 3, pa.string()), 'seq': pa.array([n] * 3, pa.int64())})
    write_deltalake(sys.argv[1], t, mode='append', storage_options=json.loads(sys.argv[4]), commit_properties=CommitProperties(max_commit_retries=1000))
    print(n, flush=True)
`

const cloudReader = `
import json, sys
from deltalake import DeltaTable
t = DeltaTable(sys.argv[1], storage_options=json.loads(sys.argv[2]))
rows = t.to_pyarrow_table().to_pylist()
found = {}
for r in rows: found[r['writer'] + '/' + str(r['seq'])] = found.get(r['writer'] + '/' + str(r['seq']), 0) + 1
print(json.dumps({'version': t.version(), 'found': found}))
`

// TestWritersAtOnceInClouds lets delta-rs and processes of ours append to one table at once; then delta-rs and we read it.
func TestWritersAtOnceInClouds(t *testing.T) {
	for name, c := range clouds {
		t.Run(name, func(t *testing.T) {
			c := c.makes(t)
			at := location.Join(c.root, "table")
			store, err := location.Open(at)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := delta.Create(t.Context(), store, delta.CreateOptions{Schema: acknowledgedSchema, Properties: map[string]string{"delta.checkpointInterval": "10"}}, delta.Options{}); err != nil {
				t.Fatal(err)
			}
			commits, options := number(t, "COMMITS", 15), mustJSON(t, c.rust)
			a := &acknowledged{acks: map[string]bool{}}
			var wait []func()
			for i := range 2 {
				other, ours := fmt.Sprint("rust", i), fmt.Sprint("ours", i)
				writer := again(t, "append", at, other, strconv.Itoa(commits))
				if c.rust != nil {
					writer = python(t, cloudWriter, at, other, strconv.Itoa(commits), options)
				}
				wait = append(wait, a.follow(t, other, writer, 0), a.follow(t, ours, again(t, "append", at, ours, strconv.Itoa(commits)), 0))
			}
			for _, w := range wait {
				w()
			}
			if len(a.acks) != 4*commits {
				t.Errorf("%d commits acknowledged, want %d", len(a.acks), 4*commits)
			}
			ours := map[string]int{}
			snapshot, err := delta.Open(store, delta.Options{}).Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for b, err := range snapshot.Scan(t.Context(), delta.ScanOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				for i := range b.Rows() {
					var row struct {
						Writer string
						Seq    int64
					}
					if err := json.Unmarshal(batch.AppendRowJSON(nil, b, b.Row(i)), &row); err != nil {
						t.Fatal(err)
					}
					ours[fmt.Sprintf("%s/%d", row.Writer, row.Seq)]++
				}
				b.Release()
			}
			found := map[string]map[string]int{"ours": ours}
			if c.rust != nil {
				var theirs struct {
					Version int64
					Found   map[string]int
				}
				out, err := python(t, cloudReader, at, options).Output()
				if err == nil {
					err = json.Unmarshal(out, &theirs)
				}
				if err != nil {
					t.Fatal(err)
				}
				found["delta-rs"] = theirs.Found
				if want := int64(4 * commits); theirs.Version != want {
					t.Errorf("version %d, want %d", theirs.Version, want)
				}
			}
			for reader, found := range found {
				for k := range a.acks {
					if found[k] != 3 {
						t.Errorf("%s finds %d rows of the acknowledged commit %s, want 3", reader, found[k], k)
					}
				}
				if len(found) != len(a.acks) {
					t.Errorf("%s finds %d commits, %d were acknowledged", reader, len(found), len(a.acks))
				}
			}
		})
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text := new(strings.Builder)
	if err := json.NewEncoder(text).Encode(v); err != nil {
		t.Fatal(err)
	}
	return text.String()
}
