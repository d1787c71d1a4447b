"""Let the database refuse changes to coupons that were pushed or used, and remember old trials.

What a coupon takes off was promised to whoever used it, and providers don't let it change either.
Whether it can be used any more, and until when, stays open. A payer who had a trial before this
was kept has had it all the same.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION billing_refuse_coupon_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A coupon that was pushed or used is final: make a new one.'
        USING ERRCODE = 'restrict_violation';
END;
$$;

CREATE TRIGGER billing_coupon_final_update BEFORE UPDATE ON billing_coupon
FOR EACH ROW WHEN (
    OLD.final_at IS NOT NULL
    AND (OLD.id, OLD.code, OLD.name, OLD.percent_off, OLD.amount_off_minor, OLD.currency,
         OLD.duration, OLD.duration_months, OLD.max_redemptions, OLD.final_at)
        IS DISTINCT FROM
        (NEW.id, NEW.code, NEW.name, NEW.percent_off, NEW.amount_off_minor, NEW.currency,
         NEW.duration, NEW.duration_months, NEW.max_redemptions, NEW.final_at)
) EXECUTE FUNCTION billing_refuse_coupon_change();

CREATE TRIGGER billing_coupon_final_delete BEFORE DELETE ON billing_coupon
FOR EACH ROW WHEN (OLD.final_at IS NOT NULL) EXECUTE FUNCTION billing_refuse_coupon_change();

-- FOR SHARE waits for a first use that is under way and then sees its outcome.
CREATE FUNCTION billing_refuse_if_coupon_final() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    coupon_ids uuid[];
    is_final boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        coupon_ids := ARRAY[NEW.coupon_id];
    ELSIF TG_OP = 'DELETE' THEN
        coupon_ids := ARRAY[OLD.coupon_id];
    ELSE
        coupon_ids := ARRAY[OLD.coupon_id, NEW.coupon_id];
    END IF;
    FOR is_final IN
        SELECT final_at IS NOT NULL FROM billing_coupon WHERE id = ANY (coupon_ids) FOR SHARE
    LOOP
        IF is_final THEN
            RAISE EXCEPTION 'A coupon that was pushed or used is final: make a new one.'
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER billing_coupon_plans_final BEFORE INSERT OR UPDATE OR DELETE ON billing_coupon_plans
FOR EACH ROW EXECUTE FUNCTION billing_refuse_if_coupon_final();

UPDATE billing_customer AS customer
SET trial_redeemed_at = had.since
FROM (
    SELECT customer_id, min(coalesce(activated_at, created_at)) AS since
    FROM billing_subscription
    WHERE trial_end IS NOT NULL AND status NOT IN ('incomplete', 'incomplete_expired')
    GROUP BY customer_id
) AS had
WHERE customer.id = had.customer_id;
"""

BACKWARD = """
DROP TRIGGER billing_coupon_plans_final ON billing_coupon_plans;
DROP FUNCTION billing_refuse_if_coupon_final();
DROP TRIGGER billing_coupon_final_delete ON billing_coupon;
DROP TRIGGER billing_coupon_final_update ON billing_coupon;
DROP FUNCTION billing_refuse_coupon_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_coupons_and_trials")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
