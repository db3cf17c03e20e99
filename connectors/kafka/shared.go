package kafka

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

// asking are the clients with which the sources of a process ask for topics and offsets. Sources with equal settings have one together, whatever flows
// they are of; what they fetch comes by connections of their own, see docs/decisions.
var asking = struct {
	sync.Mutex
	clients map[[sha256.Size]byte]*shared
}{clients: map[[sha256.Size]byte]*shared{}}

// shared is a client and how many have it.
type shared struct {
	*kgo.Client
	key   [sha256.Size]byte
	users int
}

// settings tells apart what clients are made of. It is a digest, since there are secrets among it.
func (c *config) settings() [sha256.Size]byte {
	s := &c.security
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q %q %q %q %q %d %d %d %q", c.brokers, c.groupPrefix, c.group, s.protocol, s.mechanism, s.user, s.password,
		[]string{s.bearer.endpoint, s.bearer.id, s.bearer.secret, s.bearer.scope}, []string{s.pem.Trusted, s.pem.Chain, s.pem.Key},
		c.backoff, c.backoffMax, c.maxBatchBytes, c.given))
}

// borrow returns the client for questions of these settings, until it is given back.
func (c *config) borrow() (*shared, error) {
	asking.Lock()
	defer asking.Unlock()
	key := c.settings()
	s := asking.clients[key]
	if s == nil {
		client, err := kgo.NewClient(c.clientOptions()...)
		if err != nil {
			return nil, c.failure(err, "could not set up the client")
		}
		s = &shared{Client: client, key: key}
		asking.clients[key] = s
	}
	s.users++
	return s, nil
}

// giveBack closes the client behind its last user.
func (s *shared) giveBack() {
	asking.Lock()
	s.users--
	last := s.users == 0
	if last {
		delete(asking.clients, s.key)
	}
	asking.Unlock()
	if last {
		s.Close()
	}
}
