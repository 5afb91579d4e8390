//! What services do with the stack's key in the name of a role.

/// What an action on an encrypted resource needs of the key: the service through which the key is used, and the actions
/// on the key.
///
/// This follows the services' documentation. For DynamoDB, `kms:CreateGrant` is left out, because only creating a table
/// needs it. CloudWatch Logs uses the key in its own name.
pub fn needs_of_the_key(action: &str) -> Option<(&'static str, &'static [&'static str])> {
    Some(match action {
        "dynamodb:GetItem" => ("dynamodb", &["kms:Decrypt", "kms:DescribeKey"]),
        "dynamodb:PutItem" | "dynamodb:UpdateItem" => (
            "dynamodb",
            &[
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
        ),
        "logs:CreateLogStream" | "logs:PutLogEvents" => ("logs", &[]),
        "secretsmanager:GetSecretValue" => ("secretsmanager", &["kms:Decrypt"]),
        "sqs:SendMessage" => ("sqs", &["kms:Decrypt", "kms:GenerateDataKey"]),
        "sqs:ReceiveMessage" => ("sqs", &["kms:Decrypt"]),
        "sqs:ChangeMessageVisibility" | "sqs:DeleteMessage" | "sqs:GetQueueAttributes" => {
            ("sqs", &[])
        }
        _ => return None,
    })
}
