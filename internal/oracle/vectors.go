package oracle

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/big"
	"os"
	"path/filepath"
	"strings"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
)

// vector is what the log says of a file's deletion vector.
type vector struct {
	StorageType    string `json:"storageType"`
	PathOrInlineDv string `json:"pathOrInlineDv"`
	Offset         int64  `json:"offset"`
	SizeInBytes    int64  `json:"sizeInBytes"`
	Cardinality    int64  `json:"cardinality"`
}

// digits85 are the digits of the numbers that name files of vectors.
const digits85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

// Deleted returns which rows of the file are gone; it is empty if none is.
func (t *Table) Deleted(f File) (*roaring64.Bitmap, error) {
	gone := roaring64.New()
	if len(f.DeletionVector) == 0 || string(f.DeletionVector) == "null" {
		return gone, nil
	}
	var v vector
	if err := json.Unmarshal(f.DeletionVector, &v); err != nil {
		return nil, err
	}
	if v.StorageType != "u" || len(v.PathOrInlineDv) < 20 {
		return nil, fmt.Errorf("deletion vectors of storage type %s are not read here", v.StorageType)
	}
	cut := len(v.PathOrInlineDv) - 20
	name, err := vectorFile(v.PathOrInlineDv[cut:])
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(t.Path, v.PathOrInlineDv[:cut], name))
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || data[0] != 1 || v.Offset < 1 || v.SizeInBytes < 4 || int64(len(data)) < v.Offset+v.SizeInBytes+8 {
		return nil, fmt.Errorf("%s: %d bytes hold no vector of %d bytes at %d", name, len(data), v.SizeInBytes, v.Offset)
	}
	data = data[v.Offset:]
	body := data[4 : 4+v.SizeInBytes]
	switch {
	case int64(binary.BigEndian.Uint32(data)) != v.SizeInBytes:
		return nil, fmt.Errorf("%s: the vector at %d has %d bytes, the log says %d", name, v.Offset, binary.BigEndian.Uint32(data), v.SizeInBytes)
	case crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(data[4+v.SizeInBytes:]):
		return nil, fmt.Errorf("%s: the checksum of the vector at %d is wrong", name, v.Offset)
	case binary.LittleEndian.Uint32(body) != 1681511377:
		return nil, fmt.Errorf("%s: the vector at %d is not of the portable form", name, v.Offset)
	}
	if _, err := gone.ReadFrom(bytes.NewReader(body[4:])); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(gone.GetCardinality()) != v.Cardinality {
		return nil, fmt.Errorf("%s: the vector at %d has %d rows, the log says %d", name, v.Offset, gone.GetCardinality(), v.Cardinality)
	}
	return gone, nil
}

// vectorFile returns the name of a file of vectors from the number that the log names it by.
func vectorFile(text string) (string, error) {
	var id []byte
	for ; text != ""; text = text[5:] {
		n := new(big.Int)
		for _, c := range text[:5] {
			at := strings.IndexRune(digits85, c)
			if at < 0 {
				return "", fmt.Errorf("%q is no digit", c)
			}
			n.Add(n.Mul(n, big.NewInt(85)), big.NewInt(int64(at)))
		}
		if n.BitLen() > 32 {
			return "", errors.New("a number is too large")
		}
		id = binary.BigEndian.AppendUint32(id, uint32(n.Uint64()))
	}
	return fmt.Sprintf("deletion_vector_%x-%x-%x-%x-%x.bin", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), nil
}
