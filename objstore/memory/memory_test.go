package memory_test

import (
	"testing"

	"github.com/deltaic/deltaic/objstore"
	"github.com/deltaic/deltaic/objstore/memory"
	"github.com/deltaic/deltaic/objstore/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func() objstore.Store { return memory.New(memory.Options{}) })
}
