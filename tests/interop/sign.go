// Signs a room token with golang-jwt (v4 here; v5 has the same calls).
// usage: sign PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

var roomID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// method is the one algorithm of a key.
func method(key crypto.PrivateKey) jwt.SigningMethod {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return jwt.SigningMethodRS256
	case ed25519.PrivateKey:
		return jwt.SigningMethodEdDSA
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return jwt.SigningMethodES256
		}
	}
	return nil
}

// roomToken is for a user who may enter room: the token is the permission.
func roomToken(key crypto.PrivateKey, room string, lifetime time.Duration, kid string) (string, error) {
	if !roomID.MatchString(room) {
		return "", errors.New("not a room id")
	}
	if lifetime < time.Second {
		return "", errors.New("the lifetime must be positive")
	}
	now := time.Now()
	token := jwt.NewWithClaims(method(key), jwt.RegisteredClaims{
		Subject:   room,
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
	})
	if kid != "" {
		token.Header["kid"] = kid
	}
	return token.SignedString(key)
}

func privateKey(text []byte) crypto.PrivateKey {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key
	}
	return nil
}

func run(args []string) (string, error) {
	text, err := os.ReadFile(args[0])
	if err != nil {
		return "", err
	}
	key := privateKey(text)
	if method(key) == nil {
		return "", fmt.Errorf("no RSA, P-256 or Ed25519 private key in %s", args[0])
	}
	seconds, err := strconv.ParseInt(args[2], 10, 32)
	if err != nil {
		return "", errors.New("the lifetime is a number of seconds")
	}
	kid := ""
	if len(args) == 4 {
		kid = args[3]
	}
	return roomToken(key, args[1], time.Duration(seconds)*time.Second, kid)
}

func main() {
	args := os.Args[1:]
	if len(args) < 3 || len(args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: sign PRIVATE_KEY_PEM ROOM LIFETIME_SECONDS [KID]")
		os.Exit(2)
	}
	token, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(token)
}
