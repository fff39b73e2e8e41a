"""What several of these tests use."""

from utils.quiz.bank import Bank, bank_files, read_bank

BANKS: dict[str, Bank] = {file.stem: read_bank(file) for file in bank_files()}


QUESTIONS = [question for bank in BANKS.values() for question in bank.questions]
