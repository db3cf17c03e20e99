package batch

import (
	"math"
	"sync/atomic"
)

// Account counts bytes against a limit: what pools, mailboxes, fetches and
// file writers hold. Accounts form a tree; a charge counts in every account up
// to the root. It is safe for concurrent use, and a nil account counts nothing.
type Account struct {
	name   string
	parent *Account
	limit  int64 // bytes; 0: none
	used   atomic.Int64
	peak   atomic.Int64
}

// NewAccount returns a root account. limit is in bytes; 0 means none.
func NewAccount(name string, limit int64) *Account { return &Account{name: name, limit: limit} }

// Child returns an account without a limit of its own whose charges count in
// a too.
func (a *Account) Child(name string) *Account { return a.ChildLimit(name, 0) }

// ChildLimit is Child with a limit in bytes; 0 means none.
func (a *Account) ChildLimit(name string, limit int64) *Account {
	if a == nil {
		return nil
	}
	return &Account{name: name, parent: a, limit: limit}
}

// Name returns the name, with those above it in front: "node/pool".
func (a *Account) Name() string {
	if a == nil {
		return ""
	}
	if a.parent != nil {
		return a.parent.Name() + "/" + a.name
	}
	return a.name
}

// Charge adds n bytes; n is negative to give back.
func (a *Account) Charge(n int64) {
	for ; a != nil; a = a.parent {
		used := a.used.Add(n)
		for p := a.peak.Load(); used > p && !a.peak.CompareAndSwap(p, used); p = a.peak.Load() {
		}
	}
}

// Used returns the bytes charged now.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return a.used.Load()
}

// Peak returns the most bytes that were ever charged at once.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	return a.peak.Load()
}

// Limit returns the account's own limit in bytes; 0 means none.
func (a *Account) Limit() int64 {
	if a == nil {
		return 0
	}
	return a.limit
}

// Least returns the least limit of a and of the accounts above it in bytes; 0 means that none has one.
func (a *Account) Least() int64 {
	least := int64(0)
	for ; a != nil; a = a.parent {
		if a.limit > 0 && (least == 0 || a.limit < least) {
			least = a.limit
		}
	}
	return least
}

// Room returns how many bytes may be charged until a or an account above it is at
// its limit, math.MaxInt64 if none has one. It is not below 0.
func (a *Account) Room() int64 {
	room := int64(math.MaxInt64)
	for ; a != nil; a = a.parent {
		if a.limit > 0 {
			room = min(room, max(0, a.limit-a.used.Load()))
		}
	}
	return room
}

// Over reports whether a or an account above it has reached its limit: whoever
// could take in more should wait.
func (a *Account) Over() bool {
	for ; a != nil; a = a.parent {
		if a.limit > 0 && a.used.Load() >= a.limit {
			return true
		}
	}
	return false
}

// Swamped reports whether a or an account above it is over its limit by more than an eighth: slowing down was
// not enough, so whoever can wait for something that frees memory should.
func (a *Account) Swamped() bool {
	for ; a != nil; a = a.parent {
		if a.limit > 0 && a.used.Load() >= a.limit+a.limit/8 {
			return true
		}
	}
	return false
}

// Pressed reports whether a or an account above it has reached its limit, and held, the bytes that the caller could help to
// free, are worth its while: a 64th of that limit, or any at all if the account is swamped. Freeing a little at a time, again and
// again, would cost more than it frees.
func (a *Account) Pressed(held int64) bool {
	for ; a != nil; a = a.parent {
		if used := a.used.Load(); a.limit > 0 && used >= a.limit && (held >= a.limit>>6 || used >= a.limit+a.limit/8) {
			return true
		}
	}
	return false
}
