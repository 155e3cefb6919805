# Who is connected, and to which rooms; who is revoked, and which tokens are used. The functions write all items of a
# connection in one transaction:
#
#   pk                      sk                 is
#   CONNECTION#<id>         CONNECTION         the connection, and what was verified at $connect
#   CONNECTION#<id>         ROOM#<room>        what was verified for a further room
#   ROOM#<room>#<shard>     CONNECTION#<id>    a member of a room
#   USER#<user>             CONNECTION#<id>    a connection of a user
#   REVOKED#USER#<user>     REVOKED            tokens of the user that were issued by then are refused
#   REVOKED#TOKEN#<jti>     REVOKED            the token is refused
#   USED#<jti>              USED               the token was accepted (single_use_tokens)

resource "aws_dynamodb_table" "connections" {
  # checkov:skip=CKV_AWS_119:Connection ids, rooms and claims that expire within two hours; DynamoDB encrypts them with its own key.
  name                        = "${var.name}-connections"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  # Deletes what a lost $disconnect left behind, up to days late; readers filter by expires_at.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }
}
