# The key pair of the tokens, three ways (key_source). Who can read the private key:
#
#   terraform   whoever can read the state file or the secret. Simple; encrypt the state.
#   external    whoever can read the secret. keys.sh makes the key, Terraform never sees it.
#   kms         nobody. KMS makes it and keeps it; issuer_role_arns may sign with it.
#
# In each, key_ids names the keys whose tokens are accepted, which is more than one during a
# rotation (docs/rotation.md), and the functions get the public halves only.

locals {
  terraform_keys = toset(var.key_source == "terraform" ? var.key_ids : [])
  kms_keys       = toset(var.key_source == "kms" ? var.key_ids : [])
  signing_key_id = coalesce(var.signing_key_id, var.key_ids[0])

  public_keys = merge(
    { for id in local.terraform_keys : id => data.tls_public_key.issuer[id].public_key_pem },
    { for id in local.kms_keys : id => data.aws_kms_public_key.issuer[id].public_key_pem },
    var.key_source == "external" ? var.public_keys : {},
  )
  # PUBLIC_KEY: one PEM block after the other.
  public_key = join("\n", [for id in var.key_ids : trimspace(local.public_keys[id])])

  secret_arns        = concat(aws_secretsmanager_secret.issuer[*].arn, data.aws_secretsmanager_secret.external[*].arn)
  function_role_arns = [for role in aws_iam_role.function : role.arn]
}

# ---- terraform: made here, kept in the state and in a secret ----

resource "tls_private_key" "issuer" {
  for_each = local.terraform_keys

  algorithm = "RSA"
  rsa_bits  = 2048
}

data "tls_public_key" "issuer" {
  for_each = local.terraform_keys

  private_key_pem = tls_private_key.issuer[each.key].private_key_pem
}

# For verifiers that want a certificate; room-auth reads either.
resource "tls_self_signed_cert" "issuer" {
  for_each = local.terraform_keys

  private_key_pem       = tls_private_key.issuer[each.key].private_key_pem
  validity_period_hours = 5 * 365 * 24
  allowed_uses          = ["digital_signature"]

  subject {
    common_name = "${var.name} tokens, ${each.key}"
  }
}

resource "aws_secretsmanager_secret" "issuer" {
  # checkov:skip=CKV2_AWS_57:Two keys have to be accepted while one replaces the other; docs/rotation.md walks through it.
  count = var.key_source == "terraform" ? 1 : 0

  # A deleted secret keeps its name for the recovery window, so a later one needs another.
  name_prefix             = "${var.name}/issuer-"
  description             = "Key pair that signs the room tokens."
  kms_key_id              = var.secret_kms_key_arn
  recovery_window_in_days = 30
  tags                    = var.tags
}

resource "aws_secretsmanager_secret_version" "issuer" {
  count = var.key_source == "terraform" ? 1 : 0

  secret_id = aws_secretsmanager_secret.issuer[0].id
  # Never a heredoc: a PEM has newlines, which JSON strings must not.
  secret_string = jsonencode({
    private_key = tls_private_key.issuer[local.signing_key_id].private_key_pem
    public_key  = data.tls_public_key.issuer[local.signing_key_id].public_key_pem
  })
}

# ---- external: made by keys.sh, kept in a secret ----

data "aws_secretsmanager_secret" "external" {
  count = var.key_source == "external" ? 1 : 0

  name = var.external_secret_name
}

# ---- The secret of either: issuers may read it; the functions may neither read nor change it, whatever their roles say ----

resource "aws_secretsmanager_secret_policy" "issuer" {
  count = length(local.secret_arns)

  secret_arn          = local.secret_arns[count.index]
  policy              = data.aws_iam_policy_document.secret.json
  block_public_policy = true
}

data "aws_iam_policy_document" "secret" {
  statement {
    sid    = "FunctionsNeverRead"
    effect = "Deny"
    # Reading, putting a key of one's own in its place, and every way to get rid of this statement.
    actions = [
      "secretsmanager:GetSecretValue",
      "secretsmanager:PutSecretValue",
      "secretsmanager:UpdateSecret",
      "secretsmanager:UpdateSecretVersionStage",
      "secretsmanager:RotateSecret",
      "secretsmanager:ReplicateSecretToRegions",
      "secretsmanager:PutResourcePolicy",
      "secretsmanager:DeleteResourcePolicy",
      "secretsmanager:DeleteSecret",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = local.function_role_arns
    }
  }

  dynamic "statement" {
    for_each = length(var.issuer_role_arns) > 0 ? ["issuers"] : []

    content {
      sid       = "IssuersRead"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = var.issuer_role_arns
      }
    }
  }
}

# ---- kms: made in KMS, never leaves it ----

resource "aws_kms_key" "issuer" {
  for_each = local.kms_keys

  description              = "Signs the room tokens of ${var.name}: ${each.key}"
  customer_master_key_spec = lookup(var.kms_key_specs, each.key, "RSA_2048")
  key_usage                = "SIGN_VERIFY"
  deletion_window_in_days  = 30
  policy                   = data.aws_iam_policy_document.kms.json
  tags                     = var.tags
}

data "aws_kms_public_key" "issuer" {
  for_each = local.kms_keys

  key_id = aws_kms_key.issuer[each.key].arn
}

# What issuers sign with; a rotation moves it.
resource "aws_kms_alias" "issuer" {
  count = var.key_source == "kms" ? 1 : 0

  name          = "alias/${var.name}-issuer"
  target_key_id = aws_kms_key.issuer[local.signing_key_id].key_id
}

data "aws_iam_policy_document" "kms" {
  # checkov:skip=CKV_AWS_109:In a key's policy, * is that key; without this statement nobody could change the policy any more.
  # checkov:skip=CKV_AWS_111:In a key's policy, * is that key.
  # checkov:skip=CKV_AWS_356:In a key's policy, * is that key.
  statement {
    # The account's administrators, by their IAM policies, may manage the key. Signing is not among it.
    sid = "Administration"
    actions = [
      "kms:CancelKeyDeletion",
      "kms:CreateAlias",
      "kms:DeleteAlias",
      "kms:DescribeKey",
      "kms:DisableKey",
      "kms:EnableKey",
      "kms:GetKeyPolicy",
      "kms:GetKeyRotationStatus",
      "kms:GetPublicKey",
      "kms:ListResourceTags",
      "kms:PutKeyPolicy",
      "kms:ScheduleKeyDeletion",
      "kms:TagResource",
      "kms:UntagResource",
      "kms:UpdateAlias",
      "kms:UpdateKeyDescription",
    ]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  dynamic "statement" {
    for_each = length(var.issuer_role_arns) > 0 ? ["issuers"] : []

    content {
      sid       = "IssuersSign"
      actions   = ["kms:Sign", "kms:GetPublicKey"]
      resources = ["*"]

      principals {
        type        = "AWS"
        identifiers = var.issuer_role_arns
      }
    }
  }
}
