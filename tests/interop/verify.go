// Verifies a room token read from standard input and prints its room.
// usage: verify PUBLIC_KEY_PEM < token
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
	"io"
	"os"
	"strings"

	"github.com/golang-jwt/jwt/v4"
)

// algorithm is the one of a key.
func algorithm(key crypto.PublicKey) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return "RS256"
	case ed25519.PublicKey:
		return "EdDSA"
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return "ES256"
		}
	}
	return ""
}

func roomOf(key crypto.PublicKey, token string) (string, error) {
	var claims jwt.RegisteredClaims
	// The algorithm is ours to choose; the token may only agree.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{algorithm(key)}))
	_, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (interface{}, error) { return key, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return "", errors.New("expired")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return "", errors.New("wrong signature or algorithm")
	case err != nil:
		return "", errors.New("malformed or not yet valid")
	// golang-jwt checks exp and iat only where they are present.
	case claims.Subject == "" || claims.IssuedAt == nil || claims.ExpiresAt == nil:
		return "", errors.New("wrong claims")
	case !claims.IssuedAt.Before(claims.ExpiresAt.Time):
		return "", errors.New("wrong claims")
	}
	return claims.Subject, nil
}

func run(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var key crypto.PublicKey
	if block, _ := pem.Decode(text); block != nil && block.Type == "PUBLIC KEY" {
		key, _ = x509.ParsePKIXPublicKey(block.Bytes)
	}
	if algorithm(key) == "" {
		return "", fmt.Errorf("no RSA, P-256 or Ed25519 public key in %s", path)
	}
	token, err := io.ReadAll(os.Stdin)
	if err != nil {
		return "", err
	}
	return roomOf(key, strings.TrimSpace(string(token)))
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: verify PUBLIC_KEY_PEM < token")
		os.Exit(2)
	}
	room, err := run(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(room)
}
